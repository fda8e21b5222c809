"""The one script of the report: a cursor on charts, and folded parts opened for paper. All reads well without it."""

from __future__ import annotations

SCRIPT = """
"use strict";
for (const figure of document.querySelectorAll("figure[data-cursor]")) {
  const rows = [...figure.querySelectorAll("tbody tr")];
  const heads = [...figure.querySelectorAll("thead th")].map((cell) => cell.textContent);
  const plot = figure.querySelector(".area"), line = figure.querySelector(".cursor");
  const reading = figure.querySelector(".reading");
  if (!rows.length || !plot || !line || !reading) continue;
  const words = (row) => [...row.children].map((cell, i) => heads[i] + " " + cell.textContent)
    .filter((text) => !text.endsWith("\\u2013")).join(" \\u00b7 ");
  let at = rows.length - 1;
  const show = (next) => {
    at = Math.max(0, Math.min(rows.length - 1, next));
    const x = rows[at].dataset.x + "%";
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    line.style.visibility = "visible";
    reading.textContent = words(rows[at]);
    plot.setAttribute("aria-valuenow", at + 1);
    plot.setAttribute("aria-valuetext", words(rows[at]));
  };
  const name = plot.getAttribute("aria-label");
  plot.tabIndex = 0;
  plot.setAttribute("role", "slider");
  plot.setAttribute("aria-label", name + " Arrow keys move the cursor.");
  plot.setAttribute("aria-valuemin", 1);
  plot.setAttribute("aria-valuemax", rows.length);
  plot.setAttribute("aria-valuenow", rows.length);
  plot.setAttribute("aria-valuetext", words(rows[at]));
  reading.textContent = "Point at the chart, or focus it and use the arrow keys, to read values.";
  plot.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageUp: at + 10,
      PageDown: at - 10, Home: 0, End: rows.length - 1 };
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    show(moves[event.key]);
  });
  plot.addEventListener("focus", () => show(at));
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect(), x = ((event.clientX - box.left) / box.width) * 100;
    let best = 0;
    rows.forEach((row, i) => {
      if (Math.abs(row.dataset.x - x) < Math.abs(rows[best].dataset.x - x)) best = i;
    });
    show(best);
  });
}
const folded = () => [...document.querySelectorAll("details:not([open])")];
let opened = [];
addEventListener("beforeprint", () => { opened = folded(); opened.forEach((part) => { part.open = true; }); });
addEventListener("afterprint", () => { opened.forEach((part) => { part.open = false; }); });
"""
