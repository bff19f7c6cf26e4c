"use strict";

// The head of the page, and what was measured.
(function head() {
  const { heading, missing } = page.facts, { make } = page;
  document.getElementById("task").textContent = heading.task;
  document.getElementById("name").textContent = heading.name;
  document.getElementById("about").textContent = `${heading.model}. ${heading.note}`;
  document.getElementById("warnings").append(...heading.warnings.map((text) => make("li", {}, text)));
  document.getElementById("missing").append(...missing.map((text) => make("li", {}, text)));
})();

(function measures() {
  const { facts, make, number, share, section } = page;
  const cards = facts.verdicts.map((verdict) => {
    const judged = verdict.good === undefined ? null : verdict.good ? "good" : "bad";
    return make("div", { class: judged },
      make("p", {}, verdict.title),
      make("strong", {}, verdict.share ? share(verdict.value) : number(verdict.value)),
      judged ? make("em", {}, judged === "good" ? "as good ones have" : "look here") : null,
      make("p", {}, page.filled(verdict.says, verdict.numbers)));
  });
  section("What was measured", cards.length ? make("div", { class: "cards" }, cards) : null);
  section("Against the reference", facts.scores.length ? [
    make("p", {}, `${facts.reference}, pixel by pixel. Its picture and the difference are among the layers above.`),
    page.table(null, ["metric", { number: "value" }, { number: "best" }, "what it says"], facts.scores.map((score) => [
      score.name, { number: `${number(score.value)} ${score.unit}`.trim() },
      { number: score.at_most !== null ? `≤ ${number(score.at_most)}` : number(score.best) }, score.meaning,
    ])),
  ] : null);
  section("Consistency, band by band", facts.consistency.length ? [
    make("p", {}, "RMS distance between the input and the output seen with the input's pixels, as a share of the band's mean."),
    page.bars(facts.consistency, share),
  ] : null);
  section("What was added, band by band", facts.added.length ? [
    make("p", {}, "Share of the detail that the model added, by its energy; the rest is what the input determines."),
    page.bars(facts.added, share),
  ] : null);
  section("Change of spectra", facts.change.length ? [
    make("p", {}, "Indices of the output, seen with the input's pixels as area means, beside those of the input. An output that "
      + "keeps the input's spectra changes their means little; single pixels change where the input is blurred or sharpened."),
    page.table(null, ["index", { number: "input, mean" }, { number: "output, mean" }, { number: "RMS change" },
      { number: "pixels changed by more than 0.05 (a ratio: 5 %)".replace("0.05", number(0.05)) }],
    facts.change.map((row) => [row.name, { number: number(row.before) }, { number: number(row.after) },
      { number: number(row.rms, 3) }, { number: share(row.notable) }])),
  ] : null);
})();

/** The sections that follow the maps. */
page.rest = function rest() {
  const { facts, make, number, share, section } = page;
  const found = facts.instrument;
  section("The instrument, as measured", found ? [
    make("p", {}, `The coarse input passes ${share(found.gain)} of the contrast at its Nyquist frequency, and lies `
      + `${number(found.shift[0], 3)} rows and ${number(found.shift[1], 3)} columns of the fine input from its georeference `
      + `(positive: too far down and right). ${share(found.explained)} of the fine input is explained by the bands; `
      + `${number(found.cells)} coarse pixels were looked at.`),
    page.table("Of each band", ["band", { number: "noise at most (DN)" }, { number: "shift, rows" }, { number: "columns" }],
      found.bands.map((band) => [band.name, { number: number(band.noise, 3) },
        { number: band.shift ? number(band.shift[0], 3) : "not told" }, { number: band.shift ? number(band.shift[1], 3) : "not told" }])),
    found.curve.length ? page.table("Response by frequency, cycles per coarse pixel",
      ["frequency", { number: "response" }], found.curve.map(([at, value]) => [number(at), { number: number(value, 3) }])) : null,
  ] : null);
  section("Time", facts.timings.rows.length ? [
    make("p", {}, `${number(facts.timings.total, 3)} s in all; stages overlap.`),
    page.bars(facts.timings.rows, (value) => `${number(value, 3)} s`),
  ] : null);
  section("How it was made", page.table(null, null, facts.provenance));
};
