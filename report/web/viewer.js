"use strict";

// Two layers on either side of a line, in one viewer, so that they move and zoom as one.
page.viewer = (function () {
  const { facts, make } = page;
  const width = facts.size[0];
  const TILE = 512;

  const viewer = OpenSeadragon({
    element: document.getElementById("viewer"),
    drawer: "canvas",
    showNavigationControl: false,
    imageSmoothingEnabled: true,
    preserveImageSizeOnResize: true,
    minZoomImageRatio: 0.7,
    maxZoomPixelRatio: 64,
    visibilityRatio: 0.5,
    minPixelRatio: 0.6,
    animationTime: 0.5,
    immediateRender: false,
    placeholderFillStyle: null,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsPen: { clickToZoom: false, dblClickToZoom: true },
  });

  /** Where each tile of a level begins in its text. */
  const starts = facts.layers.map((layer) => layer.levels.map((level) => {
    let at = 0;
    return level.sizes.map((size) => { const here = at; at += size; return here; });
  }));
  const texts = new Map();

  function tile(number, place, index) {
    const name = `tiles-${number}-${place}`;
    if (!texts.has(name)) texts.set(name, document.getElementById(name).textContent);
    const start = starts[number][place][index];
    const layer = facts.layers[number];
    return `data:${layer.type};base64,` + texts.get(name).slice(start, start + layer.levels[place].sizes[index]);
  }

  function source(number) {
    const layer = facts.layers[number];
    const finest = layer.levels.length - 1;
    return {
      width: layer.size[0], height: layer.size[1], tileSize: TILE, minLevel: 0, maxLevel: finest,
      getTileUrl: (level, x, y) => tile(number, finest - level, y * layer.levels[finest - level].columns + x),
    };
  }

  const sides = { left: { number: Math.min(1, facts.layers.length - 1) }, right: { number: 0 } };
  let split = 0.5;

  function show(side, number) {
    const state = sides[side];
    const [column, row, wide] = facts.layers[number].place;
    state.number = number;
    state.asked = (state.asked || 0) + 1;
    const asked = state.asked;
    viewer.addTiledImage({
      tileSource: source(number), x: column / width, y: row / width, width: wide / width,
      success: ({ item }) => {
        if (asked !== state.asked) { viewer.world.removeItem(item); return; }
        if (state.item) viewer.world.removeItem(state.item);
        state.item = item;
        arrange();
        settle();
      },
    });
    describe();
  }

  function scale() {
    return viewer.viewport.getContainerSize().x * viewer.viewport.getZoom(true) / width;
  }

  /** Each side is cut at the line; pixels are shown as such once they are larger than those of the screen. */
  function arrange() {
    const bounds = viewer.viewport.getBounds(true);
    const x = bounds.x + bounds.width * split;
    let magnified = false;
    for (const [side, { item, number }] of Object.entries(sides)) {
      if (!item) continue;
      const size = item.getContentSize();
      const at = Math.min(Math.max(item.viewportToImageCoordinates(x, 0, true).x, 0), size.x);
      const [from, wide] = side === "left" ? [0, at] : [at, size.x - at];
      item.setOpacity(wide > 0 ? 1 : 0);
      if (wide > 0) item.setClip(new OpenSeadragon.Rect(from, 0, wide, size.y));
      const layer = facts.layers[number];
      magnified = magnified || scale() * layer.place[2] / layer.size[0] >= 1;
    }
    if (smooth === magnified) {
      smooth = !magnified;
      viewer.drawer.setImageSmoothingEnabled(smooth);
    }
  }
  let smooth = true;

  function settle() {
    const zoom = scale();
    const shown = zoom >= 1 ? `${page.number(zoom, 2)}:1` : `1:${page.number(1 / zoom, 2)}`;
    document.getElementById("zoom").textContent = shown;
  }

  function describe() {
    const legends = document.getElementById("legends");
    legends.replaceChildren(...["left", "right"].map((side) => legend(side, facts.layers[sides[side].number])));
    for (const side of ["left", "right"]) {
      document.getElementById(side + "-tag").textContent = facts.layers[sides[side].number].title;
      document.getElementById(side).value = sides[side].number;
    }
  }

  function legend(side, layer) {
    const about = [layer.note];
    if (layer.finest > 1) about.push(`the page holds it at 1:${layer.finest} at most: all of it would be too large`);
    const parts = [make("b", {}, `${side === "left" ? "Left" : "Right"}: ${layer.title}`),
      make("span", { class: "note" }, about.join("; "))];
    if (layer.legend && layer.legend.colours) {
      const { low, high, unit, colours } = layer.legend;
      parts.push(make("span", { class: "scale" }, page.number(low, 3),
        make("i", { role: "img", "aria-label": "colours from low to high", style: `background:linear-gradient(90deg,${colours.join(",")})` }),
        `${page.number(high, 3)} ${unit}`.trim()));
    }
    if (layer.legend && layer.legend.classes) {
      parts.push(make("ul", { class: "classes" }, layer.legend.classes.map(({ name, colour }) =>
        make("li", {}, make("i", { style: `background:${colour}` }), name))));
    }
    return make("div", { class: "legend" }, parts);
  }

  function moveLine(share) {
    split = Math.min(Math.max(share, 0), 1);
    const line = document.getElementById("line");
    line.style.left = `${100 * split}%`;
    line.setAttribute("aria-valuenow", Math.round(100 * split));
    line.setAttribute("aria-valuetext", `${Math.round(100 * split)} % of the view shows the left layer`);
    arrange();
  }

  function zoomTo(wanted) {
    const { viewport } = viewer;
    if (wanted === "fit") viewport.fitBounds(new OpenSeadragon.Rect(0, 0, 1, facts.size[1] / width));
    else if (wanted === "in" || wanted === "out") viewport.zoomBy(wanted === "in" ? 1.5 : 1 / 1.5);
    else viewport.zoomTo(Number(wanted) * width / viewport.getContainerSize().x);
    viewport.applyConstraints();
  }

  /** Brings a pixel of the output into the middle, one to one. */
  function goTo(row, column) {
    viewer.viewport.panTo(new OpenSeadragon.Point(column / width, row / width));
    zoomTo(1);
    document.getElementById("stage").scrollIntoView({ block: "nearest" });
  }

  for (const side of ["left", "right"]) {
    const select = document.getElementById(side);
    select.append(...facts.layers.map((layer, number) => make("option", { value: number }, layer.title)));
    select.addEventListener("change", () => show(side, Number(select.value)));
    show(side, sides[side].number);
  }
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => zoomTo(button.dataset.zoom));
  }
  const line = document.getElementById("line");
  const stage = document.getElementById("stage");
  line.addEventListener("pointerdown", (event) => { line.setPointerCapture(event.pointerId); line.focus(); event.preventDefault(); });
  line.addEventListener("pointermove", (event) => {
    if (!line.hasPointerCapture(event.pointerId)) return;
    const box = stage.getBoundingClientRect();
    moveLine((event.clientX - box.left) / box.width);
  });
  line.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    moveLine(split + step);
  });
  viewer.addHandler("viewport-change", arrange);
  viewer.addHandler("resize", arrange);
  viewer.addHandler("animation", settle);
  viewer.addHandler("animation-finish", settle);
  viewer.addOnceHandler("tile-drawn", () => stage.setAttribute("data-drawn", ""));

  return { viewer, goTo, width };
})();
