"""What the models are that come with the engine: a phrase each, for those who choose one."""

from __future__ import annotations

from .text import tr


def about_models() -> dict[str, str]:
    """By name."""
    x = tr("one diffusion step, {scale} times as fine, any bands; tells its uncertainty.")
    return {
        "salad-pan-tiny": tr("latent diffusion for any sensor and any bands, one step; tells its uncertainty."),
        "gsa": tr("adaptive Gram-Schmidt: classical, fast, keeps the detail of the panchromatic image."),
        "mtf-glp-hpm": tr("Laplacian pyramid matched to the sensor, detail multiplied: classical, keeps colours."),
        "mtf-glp-fs": tr("Laplacian pyramid matched to the sensor, detail added by regression: classical."),
        "brovey": tr("ratio of intensities: classical, the fastest; colours shift where bands and PAN disagree."),
        "brovey-weighted": tr("the same with the intensity that fits the panchromatic image best."),
        "slimdiffsr-tiny-x4": x.format(scale=4),
        "slimdiffsr-tiny-x2": x.format(scale=2),
        "slimdiffsr-tiny-x8": x.format(scale=8),
        "sentinel2-tiny": tr("the 20 m bands of Sentinel-2 on its 10 m grid, by its own 10 m bands."),
        "bicubic": tr("interpolation at any scale: adds no detail, the yardstick for the others."),
        "identity": tr("copies the pixels at scale 1, for tests."),
        "ds-dit-tiny-x4": tr(
            "diffusion with an older, finer image, four times as fine; tells its uncertainty and its trust."
        ),
        "satdifuser-buildings": tr("buildings, in 8-bit colour images with pixels of about 0.15 m."),
        "satdifuser-landcover": tr("ten kinds of land cover, in 8-bit colour images of Sentinel-2."),
        "satdifuser-trees": tr("trees alive and dead, in 8-bit colour images with pixels of about 0.1 m."),
    }
