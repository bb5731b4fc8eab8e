"use strict";
(() => {
  const data = JSON.parse(document.getElementById("numbers").textContent);
  const find = (id) => document.getElementById(id);
  const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const anchors = data.anchors.map(channels);

  // a value in [-1, 1] -> [red, green, blue]
  function mixed(value) {
    const place = ((Math.min(Math.max(value, -1), 1) + 1) / 2) * (anchors.length - 1);
    const left = Math.min(Math.floor(place), anchors.length - 2);
    return anchors[left].map((low, i) => Math.round(low + (anchors[left + 1][i] - low) * (place - left)));
  }

  // black or white, whichever contrasts more
  function ink(rgb) {
    const linear = rgb.map((c) => (c <= 10 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 ? "#000" : "#fff";
  }

  const signed = (value) => (value < 0 ? "−" : "") + Math.abs(value).toFixed(2);
  const short = (token, most) => ([...token].length > most ? [...token].slice(0, most - 1).join("") + "…" : token);

  // the value, in hundredths, at either end of the colour scale
  let most = 100;
  const shade = (value) => mixed(value / most);
  const scaled = (value) => ((value / 100 + 1) / 2).toFixed(2);

  function drawScales() {
    for (const scale of document.querySelectorAll(".scale")) {
      const [low, bar, high] = scale.children;
      bar.style.background = `linear-gradient(to right, ${data.anchors.join(", ")})`;
      const isState = scale.dataset.low === "-1";
      low.textContent = isState ? signed(-most / 100) : scaled(-most);
      high.textContent = isState ? signed(most / 100) : scaled(most);
    }
  }

  function stretch(event) {
    most = event.target.checked ? Math.max(1, ...data.values.map((row) => Math.max(...row.map(Math.abs)))) : 100;
    drawScales();
    drawMap();
    choose(chosen);
  }

  // one pixel for each cell, scaled by CSS: canvases have a largest size, which a long text would exceed
  const rowHeight = 14;

  function drawMap() {
    const map = find("map");
    map.width = data.tokens.length;
    map.height = data.units.length;
    const context = map.getContext("2d");
    const image = context.createImageData(map.width, map.height);
    data.values.forEach((row, y) =>
      row.forEach((value, x) => image.data.set([...shade(value), 255], 4 * (y * map.width + x))),
    );
    context.putImageData(image, 0, 0);
    map.style.height = `${rowHeight * map.height}px`;
  }

  function fitColumns() {
    const room = find("map").parentElement.clientWidth;
    const width = Math.min(Math.max(Math.floor(room / data.tokens.length), 13), 44);
    find("map").style.width = `${width * data.tokens.length}px`;
    for (const label of find("columns").children) label.style.width = `${width}px`;
  }

  function read(event) {
    const map = find("map");
    const box = map.getBoundingClientRect();
    const x = Math.min(Math.floor(((event.clientX - box.left) / box.width) * map.width), map.width - 1);
    const y = Math.min(Math.floor(((event.clientY - box.top) / box.height) * map.height), map.height - 1);
    const value = signed(data.values[y][x] / 100);
    find("cell").textContent = `token ${x + 1} “${short(data.tokens[x], 30)}”, unit ${data.units[y]}: ${value}`;
    return y;
  }

  function nameRows() {
    data.units.forEach((unit, row) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = unit;
      button.addEventListener("click", () => choose(row));
      find("names").append(button);
    });
  }

  let chosen = 0;

  function choose(row) {
    chosen = Math.min(Math.max(row, 0), data.units.length - 1);
    const values = data.values[chosen];
    [...find("text").children].forEach((span, i) => {
      const rgb = shade(values[i]);
      span.style.background = `rgb(${rgb})`;
      span.style.color = ink(rgb);
      span.title = `${i + 1}: ${scaled(values[i])}`;
    });
    [...find("names").children].forEach((button, i) => button.setAttribute("aria-pressed", i === chosen));
    find("unit").value = find("place").value = chosen;
    find("previous").disabled = chosen === 0;
    find("next").disabled = chosen === data.units.length - 1;
    find("range").textContent = `${scaled(Math.min(...values))} to ${scaled(Math.max(...values))} over this text`;
  }

  function listen() {
    find("map").addEventListener("mousemove", read);
    find("map").addEventListener("click", (event) => choose(read(event)));
    find("stretch").addEventListener("change", stretch);
    find("previous").addEventListener("click", () => choose(chosen - 1));
    find("next").addEventListener("click", () => choose(chosen + 1));
    find("unit").addEventListener("change", (event) => choose(Number(event.target.value)));
    find("place").addEventListener("input", (event) => choose(Number(event.target.value)));
    document.addEventListener("keydown", (event) => {
      const takesArrows = event.target.closest("input, select, .scroll");
      if (takesArrows || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === "ArrowLeft") choose(chosen - 1);
      else if (event.key === "ArrowRight") choose(chosen + 1);
    });
  }

  function element(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const isPair = data.labels.length === 2;
  const colour = (label) => data.label_colours[label % data.label_colours.length];

  function drawCurve() {
    const width = find("curve").clientWidth;
    const lanes = width < 600 ? 5 : 2;
    const box = { left: 46, right: width - 12, top: 14 + 17 * lanes, bottom: 14 + 17 * lanes + 220 };
    const svg = element("svg", { width, height: box.bottom + 40, role: "img", "aria-label": "running prediction" });
    const words = data.running.length - 1;
    const x = (n) => box.left + (n / Math.max(words, 1)) * (box.right - box.left);
    const y = (p) => box.bottom - p * (box.bottom - box.top);
    axes(svg, box, x, y, words);
    if (isPair) fillSides(svg, x, y);
    for (const label of isPair ? [1] : data.labels.keys()) {
      const points = data.running.map((row, n) => `${x(n)},${y(row[label])}`).join(" ");
      const stroke = isPair ? "#1a1a1a" : colour(label);
      svg.append(element("polyline", { points, fill: "none", stroke, "stroke-width": 2, "stroke-linejoin": "round" }));
    }
    nameLabels(svg, box, y);
    nameTurns(svg, box, x, y, lanes);
    find("curve").replaceChildren(svg);
  }

  function axes(svg, box, x, y, words) {
    for (const p of [0, 0.25, 0.5, 0.75, 1]) {
      const stroke = p === 0.5 ? "#777" : "#e2e2e2";
      svg.append(element("line", { x1: box.left, x2: box.right, y1: y(p), y2: y(p), stroke }));
      svg.append(element("text", { x: box.left - 6, y: y(p) + 4, "text-anchor": "end", class: "quiet" }, `${100 * p} %`));
    }
    const step = [1, 2, 5, 10, 20, 50, 100, 200].find((s) => (x(s) - x(0)) >= 34) || 500;
    for (let n = 0; n <= words; n += step) {
      svg.append(element("text", { x: x(n), y: box.bottom + 16, "text-anchor": "middle", class: "quiet" }, n));
    }
    const name = "tokens read, then the end of the text";
    svg.append(element("text", { x: (box.left + box.right) / 2, y: box.bottom + 34, "text-anchor": "middle" }, name));
  }

  function fillSides(svg, x, y) {
    const middle = y(0.5);
    for (const label of [0, 1]) {
      const edge = data.running.map((row, n) => `${x(n)},${label ? Math.min(y(row[1]), middle) : Math.max(y(row[1]), middle)}`);
      // where the curve crosses the middle between two tokens, the area has a slight corner, hidden by the line
      const points = [`${x(0)},${middle}`, ...edge, `${x(data.running.length - 1)},${middle}`].join(" ");
      svg.append(element("polygon", { points, fill: colour(label), "fill-opacity": 0.22 }));
    }
  }

  function nameLabels(svg, box, y) {
    if (isPair) {
      const style = { x: box.left + 6, "font-weight": 600 };
      svg.append(element("text", { ...style, y: y(1) + 14, style: `fill:${colour(1)}` }, `↑ probability of ${data.labels[1]}`));
      svg.append(element("text", { ...style, y: y(0) - 6, style: `fill:${colour(0)}` }, `↓ ${data.labels[0]}`));
      return;
    }
    data.labels.forEach((name, label) => {
      const place = { x: box.right - 6, y: box.top + 14 + 15 * label, "text-anchor": "end", style: `fill:${colour(label)}` };
      svg.append(element("text", place, `— ${short(name, 24)}`));
    });
  }

  // a label is in the first lane above the curve in which it does not touch the one before
  function nameTurns(svg, box, x, y, lanes) {
    const ends = Array(lanes).fill(-Infinity);
    for (const turn of data.turns) {
      const at = x(turn.word + 1);
      const shown = isPair ? 1 : turn.label;
      const name = `${short(data.tokens[turn.word], 14)} +${Math.round(100 * turn.gain)}`;
      const label = element("text", { "text-anchor": "middle", style: `fill:${colour(turn.label)}`, "font-weight": 600 }, name);
      svg.append(label);
      find("curve").replaceChildren(svg); // a text has no width before it is in the page
      const half = label.getComputedTextLength() / 2;
      const center = Math.min(Math.max(at, half), box.right + 12 - half);
      const lane = ends.findIndex((end) => center - half > end + 8);
      const point = y(data.running[turn.word + 1][shown]);
      svg.append(element("circle", { cx: at, cy: point, r: 4, fill: colour(turn.label), stroke: "#fff" }));
      if (lane < 0) {
        label.remove();
        continue;
      }
      ends[lane] = center + half;
      label.setAttribute("x", center);
      label.setAttribute("y", 12 + 17 * lane);
      svg.append(element("line", { x1: at, x2: at, y1: 16 + 17 * lane, y2: point - 4, stroke: colour(turn.label), "stroke-dasharray": "2 3" }));
    }
  }

  function fit() {
    if (data.units.length) fitColumns();
    drawCurve();
  }

  if (data.units.length) {
    drawScales();
    drawMap();
    nameRows();
    listen();
    choose(0);
  }
  fit();
  window.addEventListener("resize", fit);
})();
