"use strict";
// Shared by the page's own figures: SVG elements, the box beside the pointer, and redrawing when the width changes.
const svgNode = (parent, name, attributes, text) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, one] of Object.entries(attributes)) node.setAttribute(key, one);
  if (text !== undefined) node.textContent = text;
  return parent ? parent.appendChild(node) : node;
};

const tip = {
  box: null,
  show(html, event) { // html must be escaped
    if (!this.box) {
      this.box = document.body.appendChild(document.createElement("div"));
      this.box.className = "tip";
    }
    this.box.hidden = false;
    this.box.innerHTML = html;
    const left = Math.min(event.clientX + 14, window.innerWidth - this.box.offsetWidth - 8);
    const top = Math.min(event.clientY + 14, window.innerHeight - this.box.offsetHeight - 8);
    this.box.style.left = `${Math.max(4, left)}px`;
    this.box.style.top = `${Math.max(4, top)}px`;
  },
  hide() { if (this.box) this.box.hidden = true; },
};

const drawAtWidth = (box, draw) => {
  let width = box.clientWidth;
  draw(width);
  new ResizeObserver(() => {
    if (box.clientWidth && box.clientWidth !== width) {
      width = box.clientWidth;
      draw(width);
    }
  }).observe(box);
};
