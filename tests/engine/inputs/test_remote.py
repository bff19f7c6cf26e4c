"""Rasters on servers: read by parts, from allowed hosts alone, in one state, or ended with a sentence."""

from __future__ import annotations

import pickle
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from seamline.benchmarks.shared import serving
from seamline.engine.errors import RequestError, RunError, SeamlineError
from seamline.engine.inputs import addresses
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.files import open_raster
from seamline.engine.inputs.s3 import EMPTY, signed
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import Processes, Shard, plan_run, run
from seamline.engine.testing import assert_same_pixels
from seamline.models.classical.interpolate import Bicubic, Identity

PATH = "/scenes/a.tif"


@pytest.fixture
def scene(write_raster, tmp_path):
    """A COG of 320 x 512 px in blocks of 128 px, of noise, so that no block is small."""
    noise = np.random.default_rng(0).integers(1, 9999, (2, 512, 320)).astype(np.uint16)
    path = tmp_path / "cog.tif"
    rasterio.shutil.copy(write_raster("plain.tif", noise, nodata=0), path, driver="COG", BLOCKSIZE=128)
    return path


@pytest.fixture
def address(server, scene):
    return server.put(PATH, scene.read_bytes())


def impatient(server):
    """The server's policy, of somebody who does not wait for the next byte."""
    return replace(server.policy, patience=replace(serving.PATIENCE, silence_s=0.25))


def asked(address, out, policy, **options):
    options = {"threads": 1, "tile": 128, "overlap": 0} | options
    return Request(inputs={"image": address}, out=str(out), policy=policy, **options)


def test_a_remote_cog_gives_the_pixels_of_the_local_one(server, scene, address, tmp_path):
    out = tmp_path / "o.tif"
    run(asked(address, out, server.policy), Identity())
    assert_same_pixels(out, scene)


def test_processes_read_it_too(server, scene, address, tmp_path):
    out = tmp_path / "o.tif"
    run(asked(address, out, server.policy), Identity(), executor=Processes(2))
    assert_same_pixels(out, scene)


def test_a_jpeg_2000_is_read_and_other_formats_are_not(server, write_raster, tmp_path):
    image = write_raster("a.tif", np.full((1, 64, 64), 7, np.uint8))
    rasterio.shutil.copy(image, tmp_path / "a.jp2", driver="JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES")
    rasterio.shutil.copy(image, tmp_path / "a.png", driver="PNG")
    with open_raster(server.put("/a.jp2", (tmp_path / "a.jp2").read_bytes()), server.policy) as file:
        assert (file.read() == 7).all()
    png = server.put("/a.png", (tmp_path / "a.png").read_bytes())
    with pytest.raises(RequestError, match="neither a GeoTIFF nor a JPEG 2000; download it first"):
        open_raster(png, server.policy)


@pytest.mark.parametrize("model", [Identity(), Bicubic(2)], ids=["identity", "bicubic"])
def test_a_hundredth_of_a_scene_moves_three_hundredths_of_its_bytes_at_most(server, write_raster, tmp_path, model):
    # Half of a Sentinel-2 tile's 10 980 px, with half of the default tile and of blocks of 256 px.
    noise = np.random.default_rng(0).integers(1, 255, (1, 5490, 5490)).astype(np.uint8)
    options = {"BLOCKSIZE": 128, "COMPRESS": "NONE", "OVERVIEWS": "NONE"}
    rasterio.shutil.copy(write_raster("a.tif", noise), tmp_path / "c.tif", driver="COG", **options)
    address = server.put(PATH, (tmp_path / "c.tif").read_bytes())
    part = asked(address, tmp_path / "o.tif", server.policy, window=(1830, 1830, 549, 549), tile=256, overlap=16)
    run(part, model)
    assert server.given <= 0.03 * len(server.files[PATH])


def test_nothing_is_looked_for_beside_it(server, scene, address, tmp_path):
    server.put(PATH + ".ovr", scene.read_bytes())
    server.put(PATH + ".msk", scene.read_bytes())
    run(asked(address, tmp_path / "o.tif", server.policy), Identity())
    assert {path for _, path, _ in server.asked} == {PATH}
    assert all(span for _, _, span in server.asked)


def test_what_the_environment_tells_gdal_of_other_servers_is_no_hindrance(server, scene, address, monkeypatch):
    for name in ("http_proxy", "GDAL_HTTP_PROXY"):
        monkeypatch.setenv(name, "http://localhost:1")
    monkeypatch.setenv("CPL_VSIL_CURL_USE_HEAD", "NO")
    with open_raster(address, server.policy) as file, rasterio.open(scene) as local:
        np.testing.assert_array_equal(file.read(), local.read())


# Which hosts.


def test_without_the_option_nothing_is_asked_of_a_server(server, address):
    with pytest.raises(RequestError, match=f"pass --allow-host {server.host} if you trust it"):
        describe("image", address)
    assert not server.asked


@pytest.mark.parametrize(
    ("host", "fix"),
    [
        ("localhost", "--allow-host localhost:"),
        ("127.0.0.1:{port}", "--allow-host localhost:"),
        ("local:{port}", "--allow-host localhost:"),
    ],
)
def test_another_port_or_name_is_another_server(server, address, host, fix):
    with pytest.raises(RequestError, match=fix):
        describe("image", address, policy=OpenPolicy(hosts=(host.format(port=server.port),)))


@pytest.mark.parametrize("name", ["https://example.org", "example.org/path", "*.org", "", "a b"])
def test_what_is_no_host_is_refused_by_the_name_of_the_option(name):
    with pytest.raises(RequestError, match="is no host") as caught:
        OpenPolicy(hosts=(name,))
    assert caught.value.where == "--allow-host"


@pytest.mark.parametrize(
    "ip",
    [
        *("127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.7", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
        *("::1", "fe80::1%lo", "fd00::5", "::ffff:127.0.0.1"),
    ],
)
def test_a_public_name_that_leads_into_a_private_network_is_not_followed(server, monkeypatch, ip):
    policy = replace(server.policy, hosts=(f"images.example.org:{server.port}",))
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, server.port))]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(RequestError, match=r"the name images\.example\.org leads into a private network"):
        describe("image", f"http://images.example.org:{server.port}{PATH}", policy=policy)
    assert not server.asked


def test_an_ip_address_that_is_allowed_as_such_is_read(server, address):
    literal = address.replace("localhost", "127.0.0.1")
    describe("image", literal, policy=replace(server.policy, hosts=(f"127.0.0.1:{server.port}",)))
    assert server.asked


@pytest.mark.parametrize("path", ["ftp://h/a.tif", "gs://b/a.tif", "file:///etc/passwd", "http:///a.tif", "s3://b"])
def test_other_addresses_are_refused(path):
    with pytest.raises(RequestError):
        describe("image", path, policy=OpenPolicy(hosts=("h",)))


def test_paths_of_gdal_s_own_readers_stay_refused(server, address):
    with pytest.raises(RequestError, match="it is not a local file"):
        describe("image", f"/vsicurl/{address}", policy=server.policy)
    assert not server.asked


def test_a_redirect_to_another_host_is_refused_by_name(server, address):
    with serving.running() as other:
        other.put(PATH, server.files[PATH])
        server.fault = serving.answers(302, Location=other.url(PATH) + "?sig=secret")
        with pytest.raises(RequestError, match=f"sends on to http://{other.host}{PATH}; pass --allow-host") as caught:
            describe("image", address, policy=server.policy)
        assert not other.asked
        assert "secret" not in str(caught.value)
        both = replace(server.policy, hosts=(server.host, other.host))
        describe("image", address, policy=both)
        assert other.asked


def test_a_redirect_in_the_midst_of_a_run_is_refused_too(server, address, tmp_path):
    with serving.running() as other:
        other.put(PATH, server.files[PATH])
        server.fault = serving.answers(307, since=4, Location=other.url(PATH))
        with pytest.raises(RunError, match=f"sends on to http://{other.host}"):
            run(asked(address, tmp_path / "o.tif", server.policy), Identity())
        assert not other.asked


def test_redirects_without_end_are_left(server, address):
    server.fault = serving.answers(301, Location=PATH)
    with pytest.raises(RequestError, match="sends on without end"):
        describe("image", address, policy=server.policy)


# What goes wrong.


FAULTS = {
    "503": (serving.answers, (503,), "the server answers 503 Service Unavailable, asked 3 times"),
    "429": (serving.answers, (429,), "the server answers 429 Too Many Requests, asked 3 times"),
    "truncated": (serving.cuts, (5,), "the answer of the server ends too early, asked 3 times"),
    "stalled": (serving.stalls, (), "the server has been silent for 0.25 s, asked 3 times"),
    "dripping": (serving.drips, (), "the server has all but stalled, asked 3 times"),
}


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "dripping"])
def test_a_fault_that_passes_is_overcome(server, scene, address, tmp_path, name):
    make, given, _ = FAULTS[name]
    server.fault = make(*given, since=4, times=2)
    out = tmp_path / "o.tif"
    run(asked(address, out, impatient(server)), Identity())
    assert_same_pixels(out, scene)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_stays_ends_in_a_sentence_and_the_run_goes_on_later(server, scene, address, tmp_path, name):
    make, given, sentence = FAULTS[name]
    out = tmp_path / "o.tif"
    server.fault = make(*given, since=4)
    with pytest.raises(SeamlineError, match=sentence) as caught:
        run(asked(address, out, impatient(server)), Identity())
    assert isinstance(caught.value, RunError)
    assert caught.value.where == address
    assert "--resume" in caught.value.fix
    assert not out.exists()
    server.fault = None
    run(asked(address, out, server.policy, resume=True), Identity())
    assert_same_pixels(out, scene)


def test_a_server_that_is_gone_is_a_sentence(tmp_path):
    with serving.running() as gone:
        pass
    with pytest.raises(RunError, match=r"the server cannot be reached \(Connection refused\), asked 3 times"):
        describe("image", gone.url(PATH), policy=gone.policy)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(404, "the server has no such file"), (403, r"does not let it be read \(403\)"), (400, "answers 400 Bad Request")],
)
def test_a_refusal_is_not_asked_again(server, address, status, sentence):
    server.fault = serving.answers(status)
    with pytest.raises(RequestError, match=sentence):
        describe("image", address, policy=server.policy)
    assert len(server.asked) == 1


def test_a_server_without_parts_or_without_states_is_refused(server, address):
    def whole(served, handler, _):
        del handler.headers["Range"]
        serving.give(served, handler)
        return True

    server.fault = whole
    with pytest.raises(RequestError, match="the server gives no parts of files"):
        describe("image", address, policy=server.policy)
    server.fault = serving.answers(206, **{"Content-Range": "bytes 0-16383/99999"})
    with pytest.raises(RequestError, match=r"\(ETag\)"):
        describe("image", address, policy=server.policy)


# One state of it.


def test_a_file_that_changes_while_it_is_read_ends_the_run(server, address, tmp_path):
    out = tmp_path / "o.tif"
    server.fault = serving.changes(PATH, at=5)
    with pytest.raises(RunError, match="it has changed while it was read") as caught:
        run(asked(address, out, server.policy), Identity())
    assert caught.value.where == address
    assert not out.exists()


def test_a_file_that_changes_after_its_last_part_was_read_ends_the_run(server, address, tmp_path):
    out, last = tmp_path / "o.tif", 0
    run(asked(address, tmp_path / "p.tif", server.policy), Identity())
    last = len(server.asked)
    server.asked.clear()
    server.fault = serving.changes(PATH, at=last)
    with pytest.raises(RunError, match="it has changed while it was read"):
        run(asked(address, out, server.policy), Identity())
    assert not out.exists()


def test_a_file_that_changes_before_a_resume_is_another_one(server, address, tmp_path):
    out = tmp_path / "o.tif"
    run(asked(address, out, server.policy), Identity(), shard=Shard(1, 2))
    server.states[PATH] = '"another"'
    with pytest.raises(RequestError, match="the unfinished run is another one"):
        run(asked(address, out, server.policy, resume=True), Identity())


def test_the_state_is_part_of_the_identity(server, address, tmp_path):
    def identity():
        return plan_run(asked(address, tmp_path / "o.tif", server.policy), Identity())[0].identity

    before = identity()
    assert identity() == before
    server.states[PATH] = '"another"'
    assert identity() != before


# Secrets.


def everything_in(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_the_query_of_a_signed_address_is_sent_and_nowhere_said_or_written(server, scene, address, tmp_path, capfd):
    out = tmp_path / "out" / "o.tif"
    out.parent.mkdir()
    signature = "X-Amz-Signature=s3cr3t"
    outcome = run(asked(f"{address}?{signature}", out, server.policy), Identity(), shard=Shard(1, 2))
    assert b"s3cr3t" not in everything_in(out.parent)
    request = asked(f"{address}?{signature}", out, server.policy, resume=True)
    outcome = run(request, Identity())
    assert_same_pixels(out, scene)
    assert {path for _, path, _ in server.asked} == {f"{PATH}?{signature}"}
    assert b"s3cr3t" not in everything_in(out.parent)
    said = capfd.readouterr()
    assert "s3cr3t" not in repr((request, outcome)) + said.out + said.err
    server.fault = serving.answers(403)
    with pytest.raises(RequestError) as caught:
        describe("image", address, policy=request.policy)
    assert "s3cr3t" not in str(caught.value)
    assert pickle.loads(pickle.dumps(request.policy)) == request.policy


def test_a_password_in_an_address_is_refused_without_being_said():
    with pytest.raises(RequestError, match="a user's name or password") as caught:
        describe("image", "https://me:s3cr3t@example.org/a.tif", policy=OpenPolicy(hosts=("example.org",)))
    assert "s3cr3t" not in str(caught.value)


def test_two_inputs_that_differ_in_their_queries_alone_are_refused(server, address, tmp_path):
    with pytest.raises(RequestError, match="the question mark alone"):
        asked(f"{address}?id=1,{address}?id=2", tmp_path / "o.tif", server.policy)


# Buckets.


@pytest.fixture
def keys(monkeypatch):
    for name in ("AWS_SESSION_TOKEN", "AWS_NO_SIGN_REQUEST", "AWS_REQUEST_PAYER", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    return monkeypatch


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_S3_ENDPOINT"])
def test_a_bucket_is_read_from_the_endpoint_of_the_environment(server, scene, keys, tmp_path, variable):
    keys.setenv(variable, server.url("") if variable == "AWS_ENDPOINT_URL" else server.host)
    keys.setenv("AWS_HTTPS", "NO")
    server.put("/bucket/deep%20er/a%2B.tif", scene.read_bytes())
    out = tmp_path / "o.tif"
    run(asked("s3://bucket/deep er/a+.tif", out, server.policy), Identity())
    assert_same_pixels(out, scene)
    assert b"s3cr3t" not in everything_in(tmp_path)
    with pytest.raises(RequestError, match=f"--allow-host {server.host}"):
        describe("image", "s3://bucket/a.tif")


def test_amazon_s_endpoint_is_that_of_the_region(keys):
    keys.delenv("AWS_ENDPOINT_URL", raising=False)
    keys.delenv("AWS_S3_ENDPOINT", raising=False)
    with pytest.raises(RequestError, match=r"--allow-host s3\.eu-central-1\.amazonaws\.com"):
        describe("image", "s3://bucket/a.tif")


@pytest.mark.parametrize("token", [None, "t0k3n"])
@pytest.mark.parametrize(
    "target", ["/bucket/a%20b.tif", "/bucket/key?partNumber=1&uploadId=x%3D", "/bucket/key?uploads"]
)
def test_requests_are_signed_as_amazon_s_library_signs_them(keys, token, target):
    now = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    if token is not None:
        keys.setenv("AWS_SESSION_TOKEN", token)
    ours = signed("GET", "example.org:9000", target, EMPTY, now)
    request = AWSRequest("GET", f"https://example.org:9000{target}")
    theirs = S3SigV4Auth(Credentials("AKIDEXAMPLE", "s3cr3t", token), "s3", "eu-central-1")
    request.context["timestamp"] = ours["x-amz-date"]
    request.headers["X-Amz-Content-SHA256"] = EMPTY
    if token is not None:
        request.headers["X-Amz-Security-Token"] = token
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    canonical = theirs.canonical_request(request)
    expected = theirs.signature(theirs.string_to_sign(request, canonical), request)
    assert ours["authorization"].endswith(f"Signature={expected}")


# Certificates.


@pytest.fixture
def certificate(tmp_path):
    """A certificate for localhost that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "localhost.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return path


def test_https_is_read_where_the_certificate_is_valid_for_the_name(scene, certificate, monkeypatch):
    with serving.running(certificate) as server:
        address = server.put(PATH, scene.read_bytes())
        with pytest.raises(RunError, match="the certificate of the server is not valid"):
            describe("image", address, policy=server.policy)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert len(describe("image", address, policy=server.policy).bands) == 2
        literal = replace(server.policy, hosts=(f"127.0.0.1:{server.port}",))
        with pytest.raises(RunError, match="the certificate of the server is not valid"):
            describe("image", address.replace("localhost", "127.0.0.1"), policy=literal)
