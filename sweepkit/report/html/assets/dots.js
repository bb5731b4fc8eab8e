"use strict";
// Scatter plots of trials. All markers of a state are one element, so that thousands of them cost next to nothing.
function drawDots(box, data, story) {
  const [LEFT, RIGHT, TOP, BOTTOM] = [62, 12, 10, 46];
  const MARKS = {
    circle: (r) => `m${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
    "triangle-down": (r) => `m${-r} ${-0.7 * r}h${2 * r}l${-r} ${1.7 * r}z`,
    x: (r) => `m${-r} ${-r}l${2 * r} ${2 * r}m${-2 * r} 0l${2 * r} ${-2 * r}`,
    "circle-open": (r) => `m${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
  };
  const isOutline = (symbol) => symbol === "x" || symbol === "circle-open";
  let places = []; // [x, y, trial] in pixels

  const axes = (svg, width, height, x, y) => {
    const floor = height - BOTTOM;
    for (const [place, text] of data.y.ticks) {
      svgNode(svg, "line", { class: "grid-line", x1: LEFT, x2: width - RIGHT, y1: y(place), y2: y(place) });
      svgNode(svg, "text", { x: LEFT - 6, y: y(place) + 4, "text-anchor": "end" }, text);
    }
    const room = (width - LEFT - RIGHT) / Math.max(data.x.ticks.length, 1);
    const most = Math.max(...data.x.ticks.map((tick) => tick[1].length)) * 6.6 + 8;
    const every = data.x.isNamed ? 1 : Math.ceil(most / room);
    data.x.ticks.forEach(([place, text], i) => {
      if (i % every) return;
      svgNode(svg, "line", { class: "grid-line", x1: x(place), x2: x(place), y1: TOP, y2: floor });
      const letters = Math.max(3, Math.floor(room / 6.6));
      const short = data.x.isNamed && text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
      const label = svgNode(svg, "text", { x: x(place), y: floor + 17, "text-anchor": "middle" }, short);
      if (short !== text) svgNode(label, "title", {}, text);
    });
    svgNode(svg, "text", { x: (LEFT + width - RIGHT) / 2, y: height - 8, "text-anchor": "middle" }, data.x.label);
    const middle = (TOP + floor) / 2;
    svgNode(svg, "text", { x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, data.y.label);
  };

  drawAtWidth(box, (width) => {
    const height = box.clientHeight;
    const x = (place) => LEFT + ((place - data.x.low) / (data.x.high - data.x.low)) * (width - LEFT - RIGHT);
    const y = (place) => TOP + (1 - (place - data.y.low) / (data.y.high - data.y.low)) * (height - TOP - BOTTOM);
    const svg = svgNode(null, "svg", { width, height });
    axes(svg, width, height, x, y);
    places = [];
    for (const marks of data.marks) {
      const mark = MARKS[marks.symbol](3.4);
      const parts = marks.x.map((place, i) => {
        const at = [x(place), y(marks.y[i]), marks.trials[i]];
        places.push(at);
        return `M${at[0].toFixed(1)} ${at[1].toFixed(1)}${mark}`;
      });
      const paint = isOutline(marks.symbol) ? { fill: "none", stroke: marks.colour, "stroke-width": 1.4 } : { fill: marks.colour };
      svgNode(svg, "path", { d: parts.join(""), ...paint, opacity: 0.75 });
    }
    for (const [from, to, at] of data.medians || []) {
      svgNode(svg, "path", { d: `M${x(from)} ${y(at)}H${x(to)}`, class: "median" });
    }
    if (data.front) {
      const steps = data.front.map(([px, py], i) => (i ? `H${x(px)}V${y(py)}` : `M${x(px)} ${y(py)}`)).join("");
      const rings = data.front.map(([px, py]) => `M${x(px)} ${y(py)}${MARKS.circle(6.5)}`).join("");
      svgNode(svg, "path", { d: steps, class: "front" });
      svgNode(svg, "path", { d: rings, class: "front" });
    }
    box.replaceChildren(svg);
  });

  box.addEventListener("pointermove", (event) => {
    const frame = box.getBoundingClientRect();
    let nearest = [18 * 18, null]; // within 18 pixels
    for (const [px, py, trial] of places) {
      const far = (px - event.clientX + frame.left) ** 2 + (py - event.clientY + frame.top) ** 2;
      if (far < nearest[0]) nearest = [far, trial];
    }
    if (nearest[1] === null) tip.hide();
    else tip.show(story(nearest[1]), event);
  });
  box.addEventListener("pointerleave", () => tip.hide());
}
