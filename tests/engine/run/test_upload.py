"""Outputs for a bucket appear there whole, once they are made, or not at all."""

from __future__ import annotations

import json
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from seamline import api
from seamline.benchmarks.shared import serving
from seamline.engine.errors import RequestError, RunError
from seamline.engine.inputs.remote import content_of, state_of
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import Shard, run, upload
from seamline.engine.testing import assert_same_pixels
from seamline.models.classical.interpolate import Identity

PLACE = "s3://bucket/deep/o.tif"


@pytest.fixture
def bucket(monkeypatch):
    """The policy by which the bucket ``bucket`` of a server of this machine is reached."""
    server = ThreadedMotoServer(ip_address="localhost", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    for name in ("AWS_SESSION_TOKEN", "AWS_NO_SIGN_REQUEST", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    # Servers of one process share their buckets.
    urlopen(UrlRequest(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="bucket")
    yield OpenPolicy(hosts=(f"{host}:{port}",), patience=serving.PATIENCE)
    server.stop()


@pytest.fixture
def scene(write_raster):
    pixels = np.random.default_rng(0).integers(1, 9999, (2, 128, 192)).astype(np.uint16)
    return write_raster("in.tif", pixels, nodata=0, tags={"ACQUISITION_DATE": "2023-06-01"})


@pytest.fixture
def asked(scene, bucket, tmp_path):
    """A function that makes a request for the bucket."""
    (tmp_path / "work").mkdir()

    def request(**options):
        options = {"policy": bucket, "work": str(tmp_path / "work"), "tile": 64, "overlap": 0, "threads": 1} | options
        return Request(inputs={"image": str(scene)}, out=PLACE, **options)

    return request


def there(place, policy):
    try:
        return state_of(place, policy).size
    except RequestError:
        return 0


@pytest.mark.parametrize("part", [upload._PART, 5 * 2**20 + 1])
def test_an_output_goes_into_a_bucket_and_is_read_from_there(
    asked, scene, bucket, tmp_path, monkeypatch, part, write_raster
):
    monkeypatch.setattr(upload, "_PART", part)
    if part != 64 * 2**20:
        noise = np.random.default_rng(0).integers(0, 2**16, (2, 1400, 1400)).astype(np.uint16)
        write_raster("in.tif", noise, tags={"ACQUISITION_DATE": "2023-06-01"})
    run(asked(stac=True, tile=256), Identity())
    copy = tmp_path / "work" / "o.tif"
    assert content_of(PLACE, bucket, 1 << 30) == copy.read_bytes()
    item = json.loads(content_of("s3://bucket/deep/o.stac.json", bucket, 1 << 20))
    assert item["assets"]["image"]["href"] == "./o.tif"
    again = tmp_path / "again.tif"
    run(Request(inputs={"image": PLACE}, out=str(again), policy=bucket, tile=256, overlap=0), Identity())
    assert_same_pixels(again, scene)
    assert b"s3cr3t" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_what_is_there_is_replaced_only_when_asked(asked, bucket):
    run(asked(), Identity())
    with pytest.raises(RequestError, match="the output exists") as caught:
        run(asked(), Identity())
    assert caught.value.where.endswith("o.tif")
    run(asked(overwrite=True), Identity())


def test_a_bucket_is_refused_before_anything_is_computed(asked, bucket, tmp_path, monkeypatch):
    with pytest.raises(RequestError, match="--allow-host"):
        run(asked(policy=OpenPolicy()), Identity())
    with pytest.raises(RequestError, match="pass --work"):
        asked(work=None)
    with pytest.raises(RequestError, match="merge"):
        run(asked(), Identity(), shard=Shard(1, 2))
    assert list((tmp_path / "work").iterdir()) == []


def test_a_folder_without_a_bucket_is_refused(scene, tmp_path):
    with pytest.raises(RequestError, match="goes into no bucket"):
        Request(inputs={"image": str(scene)}, out=str(tmp_path / "o.tif"), work=str(tmp_path))


@pytest.mark.parametrize("part", [upload._PART, 4096])
def test_an_upload_that_fails_leaves_nothing_there_and_is_resumed(asked, server, bucket, monkeypatch, part):
    # A server that takes no part, for the time of the first run.
    monkeypatch.setattr(upload, "_PART", part)
    endpoint = upload.address_of(PLACE, bucket).authority
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url(""))
    server.fault = serving.answers(503)
    failing = OpenPolicy(hosts=(server.host, endpoint), patience=serving.PATIENCE)
    with pytest.raises(RunError, match="503") as caught:
        run(asked(policy=failing, overwrite=True), Identity())
    assert "--resume" in caught.value.fix
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{endpoint}")
    assert not there(PLACE, bucket)
    monkeypatch.setattr(upload, "_PART", 64 * 2**20)
    run(asked(resume=True), Identity())
    assert there(PLACE, bucket)


def test_in_python_too(asked, scene, bucket, tmp_path):
    result = api.superres(scene, model="identity", out=PLACE, work=tmp_path / "work", policy=bucket)
    assert result.shape == (2, 128, 192)
    assert there(PLACE, bucket)
    with pytest.raises(RequestError, match="pass work"):
        api.superres(scene, model="identity", out=PLACE, policy=bucket)
