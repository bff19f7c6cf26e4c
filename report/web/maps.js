"use strict";

// Where tile boundaries and lattices show, drawn small; a click brings the place into the view above.
(function () {
  const { facts, make, number, share } = page;
  const WIDE = 640;
  const [width, height] = facts.size;
  const figures = [];

  function sized(canvas) {
    const scale = WIDE / Math.max(width, height);
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    return [canvas.getContext("2d"), scale];
  }

  function figure(title, text, label, draw) {
    const canvas = make("canvas", { role: "img", "aria-label": label });
    page.withColours(() => draw(...sized(canvas)));
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      page.viewer.goTo((event.clientY - box.top) / box.height * height, (event.clientX - box.left) / box.width * width);
    });
    return make("div", {}, make("h3", {}, title), canvas, make("p", { class: "note" }, text));
  }

  if (facts.seams) {
    const { at, rows, columns, usual, outstanding } = facts.seams;
    const [many, all] = outstanding;
    const text = `${number(many)} of ${number(all)} pieces of boundaries (${share(many / all)}) stand out more than 97.5 % of the `
      + `lines beside them do (${number(usual, 3)} times the usual step); chance alone makes 2.5 %. The redder, the farther out.`;
    const down = [0, ...at.rows, height], across = [0, ...at.columns, width];
    figures.push(figure("Tile boundaries", text, `Map of the boundaries between tiles. ${text}`, (context, scale) => {
      const piece = (value, x0, y0, x1, y1) => {
        if (value === null) return;
        const far = value > usual;
        context.strokeStyle = far ? page.colour("bad") : page.colour("empty");
        context.globalAlpha = far ? Math.min(0.4 + 0.6 * (value / usual - 1), 1) : 1;
        context.lineWidth = far ? 3 : 1;
        context.beginPath();
        context.moveTo(x0 * scale, y0 * scale);
        context.lineTo(x1 * scale, y1 * scale);
        context.stroke();
      };
      for (const outside of [false, true]) {
        rows.forEach((line, i) => line.forEach((value, j) => (value > usual) === outside && piece(value, across[j], at.rows[i], across[j + 1], at.rows[i])));
        columns.forEach((line, i) => line.forEach((value, j) => (value > usual) === outside && piece(value, at.columns[j], down[i], at.columns[j], down[i + 1])));
      }
      context.globalAlpha = 1;
    }));
  }
  if (facts.lattice) {
    const { side, scores, most } = facts.lattice;
    const told = scores.flat().filter((score) => score !== null);
    const above = told.filter((score) => score > most).length;
    const text = `How far a pattern of the input's pixels stands out, in the middle of each block of ${number(side)} px: `
      + `${number(above)} of ${number(told.length)} blocks are above ${number(most)}, the most that good images have over all; `
      + "single blocks scatter. Palest at 1, where nothing stands out, darkest at 2 and above.";
    if (told.length) figures.push(figure("Lattice", text, `Map of the lattice measure. ${text}`, (context, scale) => {
      scores.forEach((line, i) => line.forEach((score, j) => {
        if (score === null) return;
        context.globalAlpha = 0.06 + 0.94 * Math.min(Math.max(score - 1, 0), 1);
        context.fillStyle = score > most ? page.colour("bad") : page.colour("mark");
        context.fillRect(j * side * scale, i * side * scale, side * scale, side * scale);
      }));
      context.globalAlpha = 1;
    }));
  }
  page.section("Where seams and lattices are", figures.length ? make("div", { class: "maps" }, figures) : null,
    figures.length ? make("p", {}, "Click into a map to see the place in the pictures above, one to one.") : null);
  page.rest();
})();
