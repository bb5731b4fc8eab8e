"use strict";
// Parallel coordinates: one line per trial, one axis per parameter; dragging along an axis selects trials.
function drawParallel(box, data, story) {
  const [TOP, BOTTOM, SIDE, HEIGHT] = [40, 16, 60, 420];
  const count = box.closest("figure").querySelector(".kept");
  const longest = Math.max(...data.axes.map((axis) => axis.label.length));
  const step = Math.max(92, longest * 6.7 + 8);
  const opacity = Math.max(0.2, Math.min(0.75, 100 / data.trials.length));
  const kept = data.axes.map(() => null); // the selected range of each axis, or null
  let paths = [];

  const height = (axis, place) => TOP + (1 - (place - axis.low) / (axis.high - axis.low)) * (HEIGHT - TOP - BOTTOM);
  const placeAt = (axis, y) => axis.low + (1 - (y - TOP) / (HEIGHT - TOP - BOTTOM)) * (axis.high - axis.low);

  const filter = () => {
    let n = 0;
    paths.forEach((path, i) => {
      const passes = data.axes.every((axis, a) => !kept[a] || (axis.places[i] >= kept[a][0] && axis.places[i] <= kept[a][1]));
      path.classList.toggle("off", !passes);
      n += passes;
    });
    count.textContent = kept.some(Boolean) ? `${n} of ${paths.length} trials selected.` : "";
  };

  const brush = (svg, axis, a, x) => {
    const shown = svgNode(svg, "rect", { class: "brush", x: x - 9, width: 18, y: 0, height: 0 });
    const show = () => {
      const [low, high] = kept[a] || [0, 0];
      shown.setAttribute("y", kept[a] ? height(axis, high) : 0);
      shown.setAttribute("height", kept[a] ? Math.max(2, height(axis, low) - height(axis, high)) : 0);
    };
    const grip = svgNode(svg, "rect", { class: "grip", x: x - 16, y: TOP - 6, width: 32, height: HEIGHT - TOP - BOTTOM + 12 });
    const at = (event) => placeAt(axis, event.clientY - svg.getBoundingClientRect().top);
    let from = null;
    grip.addEventListener("pointerdown", (event) => {
      from = at(event);
      kept[a] = null;
      grip.setPointerCapture(event.pointerId);
    });
    grip.addEventListener("pointermove", (event) => {
      if (from === null) return;
      const to = at(event);
      if (Math.abs(height(axis, to) - height(axis, from)) > 3) kept[a] = [Math.min(from, to), Math.max(from, to)];
      show();
    });
    const end = () => { from = null; show(); filter(); };
    grip.addEventListener("pointerup", end);
    grip.addEventListener("pointercancel", end);
    show();
  };

  drawAtWidth(box.parentElement, (room) => {
    const width = Math.max(room, step * (data.axes.length - 1) + 2 * SIDE);
    const x = (a) => SIDE + (a * (width - 2 * SIDE)) / Math.max(data.axes.length - 1, 1);
    box.style.width = `${width}px`;
    const svg = svgNode(null, "svg", { width, height: HEIGHT });
    const lines = svgNode(svg, "g", { "stroke-opacity": opacity });
    paths = data.trials.map((_, i) => {
      const corners = data.axes.map((axis, a) => `${x(a).toFixed(1)} ${height(axis, axis.places[i]).toFixed(1)}`);
      return svgNode(lines, "path", { d: `M${corners.join("L")}`, stroke: data.colours[i], "data-line": i });
    });
    data.axes.forEach((axis, a) => {
      svgNode(svg, "line", { class: "axis", x1: x(a), x2: x(a), y1: TOP, y2: HEIGHT - BOTTOM });
      svgNode(svg, "text", { class: "name", x: x(a), y: 18, "text-anchor": "middle" }, axis.label);
      for (const [place, text] of axis.ticks) {
        svgNode(svg, "text", { class: "tick", x: x(a) - 6, y: height(axis, place) + 4, "text-anchor": "end" }, text);
      }
      brush(svg, axis, a, x(a));
    });
    box.replaceChildren(svg);
    filter();
  });

  box.addEventListener("pointerover", (event) => {
    const line = event.target.dataset.line;
    if (line === undefined || event.target.classList.contains("off")) tip.hide();
    else tip.show(story(data.trials[Number(line)]), event);
  });
  box.addEventListener("pointerleave", () => tip.hide());
}
