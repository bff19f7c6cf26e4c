"use strict";

// Spectra at the points of a grid that the page holds: those nearest to where somebody clicks.
(function () {
  const { facts, make, number } = page;
  const { viewer, width } = page.viewer;
  const { step, rows, columns, spectra } = facts.samples;
  const MASKED = 65535;
  const MOST = 3;
  const COLOURS = ["#d55e00", "#0072b2", "#009e73"];
  const DASHES = [[], [8, 5], [2, 4], [12, 4, 2, 4]];
  const note = document.getElementById("spectra-note");
  const points = [];
  let plot = null;

  note.textContent = "Click into the picture: the spectra of its layers there appear here.";

  async function unpacked(place) {
    const text = document.getElementById(`spectra-${place}`).textContent;
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const buffer = await new Response(stream).arrayBuffer();
    if (spectra[place].type === "float32") return new Float32Array(buffer);
    const values = new Uint16Array(buffer);
    for (let start = 0; start < values.length; start += columns) {
      for (let at = start + 1; at < start + columns; at++) values[at] += values[at - 1];
    }
    return values;
  }

  const loaded = new Map();
  function load(place) {
    if (!loaded.has(place)) loaded.set(place, unpacked(place));
    return loaded.get(place);
  }

  async function probe(x, y) {
    const column = Math.min(Math.max(Math.floor(x / step), 0), columns - 1);
    const row = Math.min(Math.max(Math.floor(y / step), 0), rows - 1);
    const found = await Promise.all(spectra.map(async (raster, place) => {
      const values = await load(place);
      return raster.bands.map((_, band) => {
        const value = values[(band * rows + row) * columns + column];
        return Number.isNaN(value) || (raster.type === "uint16" && value === MASKED) ? null : value;
      });
    }));
    const at = { column: column * step + (step - 1) / 2, row: row * step + (step - 1) / 2 };
    const away = Math.hypot(at.column + 0.5 - x, at.row + 0.5 - y);
    const free = points.length < MOST ? points.length : (points[points.length - 1].slot + 1) % MOST;
    const point = { ...at, away, found, slot: free };
    const old = points.findIndex((each) => each.slot === free);
    if (old >= 0) points.splice(old, 1);
    points.push(point);
    pin(point);
    show();
  }

  function pin({ slot, column, row }) {
    const name = `pin-${slot}`;
    viewer.removeOverlay(name);
    viewer.addOverlay({
      element: make("div", { id: name, class: "pin", style: `background:${COLOURS[slot]}` }, String(slot + 1)),
      location: new OpenSeadragon.Point((column + 0.5) / width, (row + 0.5) / width),
    });
  }

  function distance(away) {
    if (away <= Math.SQRT1_2) return "the pixel that was clicked";
    const { size, unit } = facts.pixel;
    const ground = unit ? `, ${number(away * size, 2)} ${unit}` : "";
    return `${number(away, 2)} px${ground} from the click`;
  }

  function show() {
    const last = points[points.length - 1];
    note.textContent = `Point ${last.slot + 1}: column ${number(last.column)}, row ${number(last.row)} of the output, ${distance(last.away)}`
      + (step > 1 ? `; the page holds one pixel in ${number(step)} along either axis.` : ".");
    const ordered = [...points].sort((a, b) => a.slot - b.slot);
    const plotted = spectra.map((raster, place) => ({ ...raster, place })).filter((raster) => raster.bands.length > 1);
    draw(ordered, plotted);
    table(ordered);
  }

  function draw(ordered, plotted) {
    const host = document.getElementById("spectra-plot");
    if (plot) plot.destroy();
    plot = null;
    if (!plotted.length) return;
    const bands = plotted.reduce((most, raster) => (raster.bands.length > most.length ? raster.bands : most), []);
    const held = ordered.flatMap((point) => plotted.map((raster) => bands.map((_, band) => point.found[raster.place][band] ?? null)));
    const lines = ordered.flatMap((point) => plotted.map((raster, order) => ({
      label: `${point.slot + 1}: ${raster.title}`, stroke: COLOURS[point.slot], width: 2, dash: DASHES[order % DASHES.length],
      points: { show: true, size: 6 },
      value: (_, value) => (value === null || value === undefined ? "" : number(value)),
    })));
    const ink = page.colour("ink");
    const grid = { stroke: page.colour("line"), width: 1 };
    plot = new uPlot({
      width: Math.max(host.clientWidth, 240), height: 280,
      scales: { x: { time: false, range: [-0.3, bands.length - 0.7] } },
      axes: [
        { stroke: ink, grid, splits: bands.map((_, place) => place), values: (_, places) => places.map((place) => bands[place]) },
        { stroke: ink, grid, size: 70, values: (_, values) => values.map((value) => number(value)) },
      ],
      series: [{ label: "Band", value: (_, place) => (place === null ? "" : bands[place]) }, ...lines],
    }, [bands.map((_, place) => place), ...held], host);
  }

  function table(ordered) {
    const longest = Math.max(...spectra.map((raster) => raster.bands.length));
    const names = spectra.find((raster) => raster.bands.length === longest).bands;
    const rowsOf = ordered.flatMap((point) => spectra.map((raster, place) => [
      `${point.slot + 1}: ${raster.title}`,
      ...names.map((_, band) => ({ number: band >= raster.bands.length ? "" : point.found[place][band] === null ? "masked" : number(point.found[place][band], 6) })),
    ]));
    const made = page.table("Stored values at the points", ["point", ...names.map((name) => ({ number: name }))], rowsOf);
    document.getElementById("spectra-table").replaceChildren(made);
  }

  viewer.addHandler("canvas-click", (event) => {
    if (!event.quick) return;
    const { x, y } = viewer.viewport.pointFromPixel(event.position);
    const [columnsOut, rowsOut] = facts.size;
    if (x >= 0 && y >= 0 && x * width < columnsOut && y * width < rowsOut) probe(x * width, y * width);
  });
  document.getElementById("probe").addEventListener("click", () => {
    const { x, y } = viewer.viewport.getCenter();
    probe(x * width, y * width);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => points.length && show());
  addEventListener("resize", () => plot && plot.setSize({ width: Math.max(document.getElementById("spectra-plot").clientWidth, 240), height: 280 }));
})();
