"use strict";

// Points of a sweep, one metric against one cost; those that no other point betters are joined.
(function () {
  const { facts, make, number } = page;
  const { points, fronts, options } = facts;
  const COSTS = {
    processor_s: "processor time, s per megapixel",
    wall_s: "time on the clock, s per megapixel",
    memory_bytes: "memory by the plan, MiB",
  };
  const host = document.getElementById("plot");
  const chosen = { metric: document.getElementById("metric"), cost: document.getElementById("cost") };
  let plot = null;

  const costOf = (point, cost) => (cost === "memory_bytes" ? point.cost[cost] / 2 ** 20 : point.cost[cost]);
  const named = (metric) => `${metric}${facts.about[metric].unit ? `, ${facts.about[metric].unit}` : ""}`;
  const settingsOf = (point) => options.map((option) => `${option} ${number(point.settings[option])}`).join(", ");

  document.getElementById("name").textContent = facts.model;
  document.getElementById("about").textContent = `${facts.protocol}; every combination of ${options.join(", ")}.`;
  const runs = points.reduce((sum, point) => sum + point.runs, 0), wanted = facts.wanted * facts.repeats;
  if (runs < wanted) {
    const told = document.getElementById("unfinished");
    told.hidden = false;
    told.textContent = `The sweep did not end: ${number(runs)} of ${number(wanted)} runs are done.`;
  }
  chosen.metric.append(...Object.keys(fronts).map((metric) => make("option", { value: metric }, metric)));
  chosen.cost.append(...Object.entries(COSTS).map(([cost, title]) => make("option", { value: cost }, title)));
  chosen.cost.value = facts.on_gpu ? "wall_s" : "processor_s";

  /** The numbers of the points beside their dots. */
  function numbers(chart, order) {
    const { ctx } = chart;
    ctx.save();
    ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.fillStyle = page.colour("ink");
    ctx.textBaseline = "bottom";
    order.forEach((place, at) => {
      const value = chart.data[1][at];
      if (value === null) return;
      const x = chart.valToPos(chart.data[0][at], "x", true), y = chart.valToPos(value, "y", true);
      ctx.fillText(String(place + 1), x + 6 * devicePixelRatio, y - 3 * devicePixelRatio);
    });
    ctx.restore();
  }

  /** Room around the points; differences of less than a share of the values look like none. */
  function around(low, high, share) {
    const room = Math.max((high - low) * 0.08, Math.max(Math.abs(low), Math.abs(high)) * share - (high - low) / 2) || 1;
    return [low - room, high + room];
  }

  /** Ticks with as many digits as tell them apart. */
  function ticks(_, values, axis, space, step) {
    const digits = Math.max(0, 1 - Math.floor(Math.log10(step)));
    return values.map((value) => new Intl.NumberFormat(navigator.language, { maximumFractionDigits: digits }).format(value));
  }

  function draw() {
    const metric = chosen.metric.value, cost = chosen.cost.value;
    const best = new Set(fronts[metric][cost]);
    const order = points.map((_, place) => place).sort((a, b) => costOf(points[a], cost) - costOf(points[b], cost));
    const values = order.map((place) => points[place].metrics[metric]);
    const ink = page.colour("ink"), mark = page.colour("mark"), soft = page.colour("soft");
    const grid = { stroke: page.colour("line"), width: 1 };
    if (plot) plot.destroy();
    plot = new uPlot({
      width: Math.max(host.clientWidth, 240), height: 360, legend: { show: false }, cursor: { show: false },
      scales: {
        x: { time: false, range: (_, low, high) => around(low, high, 0.05) },
        y: { range: (_, low, high) => around(low, high, 0.001) },
      },
      axes: [
        { stroke: ink, grid, label: COSTS[cost], values: ticks },
        { stroke: ink, grid, label: named(metric), size: 80, values: ticks },
      ],
      series: [
        {},
        { stroke: soft, paths: () => null, points: { show: true, size: 8, stroke: soft, fill: page.colour("paper"), width: 2 } },
        { stroke: mark, width: 2, spanGaps: true, points: { show: true, size: 9, stroke: mark, fill: mark } },
      ],
      hooks: { draw: [(chart) => numbers(chart, order)] },
    }, [order.map((place) => costOf(points[place], cost)), values, values.map((value, at) => (best.has(order[at]) ? value : null))], host);
    const listed = order.filter((place) => best.has(place)).map((place) => `${place + 1} (${settingsOf(points[place])})`);
    const told = `Filled and joined, from cheap to good, are the points that no other one betters in both: ${listed.join("; ")}.`;
    document.getElementById("told").textContent = told;
    document.getElementById("meaning").textContent = `${metric}: ${facts.about[metric].meaning || "see the documentation"}.`;
    host.setAttribute("aria-label", `${named(metric)} against ${COSTS[cost]}. ${told}`);
    table(best);
  }

  function table(best) {
    const metrics = Object.keys(points[0].metrics);
    const heads = ["point", ...options.map((option) => ({ number: option })), { number: "processor, s/MP" }, { number: "clock, s/MP" },
      { number: "memory, MiB" }, ...metrics.map((metric) => ({ number: metric }))];
    const rows = points.map((point, place) => [
      best.has(place) ? `${place + 1} on the front` : String(place + 1),
      ...options.map((option) => ({ number: number(point.settings[option]) })),
      ...Object.keys(COSTS).map((cost) => ({ number: number(costOf(point, cost), 3) })),
      ...metrics.map((metric) => ({ number: number(point.metrics[metric], 5) })),
    ]);
    document.getElementById("points").replaceChildren(page.table(null, heads, rows));
  }

  const times = facts.repeats > 1 ? `medians of ${number(facts.repeats)} runs, taken in turns` : "of one run each";
  page.section("What the numbers are", make("p", {}, `Times are ${times}, of one machine, and noisy: small differences mean nothing, and `
    + "another machine has others. They go from the plan to the finished file, for a megapixel of output; the model was loaded before, and a "
    + "first run that does not count has warmed up. What a run costs whatever its size is in them, and is much of a small scene's. Memory is what the plan foresees for a run: a process keeps what it once had, so peaks of "
    + "single runs cannot be told apart."));
  page.section("How it was measured", page.table(null, null, facts.made));
  Object.values(chosen).forEach((select) => select.addEventListener("change", draw));
  addEventListener("resize", () => plot && plot.setSize({ width: Math.max(host.clientWidth, 240), height: 360 }));
  page.withColours(draw);
})();
