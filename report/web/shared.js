"use strict";

// What all parts of a page share: the facts, elements, numbers.
const page = {
  facts: JSON.parse(document.getElementById("facts").textContent),

  /** An element with attributes and children; text is never taken for markup. */
  make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
  },

  /** A number as the reader's language writes it. */
  number(value, digits = 4) {
    if (value === null || value === undefined) return "∞";
    return new Intl.NumberFormat(navigator.language, { maximumSignificantDigits: digits }).format(value);
  },

  share(value) {
    return new Intl.NumberFormat(navigator.language, { style: "percent", maximumSignificantDigits: 3 }).format(value);
  },

  /** Text with {0}, {1} in it. */
  filled(text, numbers) {
    return text.replace(/\{(\d)\}/g, (_, place) => page.number(numbers[place], 3));
  },

  colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  },

  /** Calls at once, and whenever light turns to dark or back. */
  withColours(draw) {
    draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  },

  table(caption, heads, rows) {
    const { make } = page;
    const cell = (value, tag) =>
      value instanceof Node ? make("td", { class: "bars" }, value)
        : typeof value === "object" && value !== null ? make(tag, { class: "number" }, value.number)
          : make(tag, tag === "th" ? { scope: "row" } : {}, value);
    return make("div", { class: "wide" }, make("table", {},
      caption ? make("caption", {}, caption) : null,
      heads ? make("thead", {}, make("tr", {}, heads.map((head) =>
        make("th", { scope: "col", class: typeof head === "object" ? "number" : null }, head.number || head)))) : null,
      make("tbody", {}, rows.map((row) => make("tr", {}, row.map((value, place) => cell(value, place ? "td" : "th")))))));
  },

  bars(rows, shown) {
    const most = Math.max(...rows.map((row) => row.value)) || 1;
    return page.table(null, null, rows.map((row) => [
      row.name,
      page.make("span", { class: "bar", style: `width:${(100 * row.value / most).toFixed(1)}%` }),
      { number: shown(row.value) },
    ]));
  },

  section(title, ...content) {
    if (!content.flat().filter(Boolean).length) return;
    document.getElementById("measures").append(page.make("section", {}, page.make("h2", {}, title), ...content));
  },
};
