"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(`json-${id}`).textContent);
  const figures = read("figures");
  const trials = read("trials");
  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  // the description of a trial that figures show beside the pointer
  const stories = new Map();
  const rowOf = new Map((trials.rows || []).map((row) => [Number(row[trials.trial]), row]));
  const wrapped = (parts, most) => {
    const lines = [""];
    for (const part of parts) {
      const line = lines[lines.length - 1];
      if (line && line.length + part.length > most) lines.push(part);
      else lines[lines.length - 1] = line ? `${line} ${part}` : part;
    }
    return lines.map(escaped).join("<br>");
  };
  const story = (number) => {
    if (!rowOf.has(number)) return "";
    if (!stories.has(number)) {
      const row = rowOf.get(number);
      const used = [];
      for (let i = trials.params; i < trials.reason; i += 1) if (row[i] !== "") used.push(`${trials.head[i]}=${row[i]}`);
      const best = row[2] === "" ? "no result" : `best ${row[2]} at epoch ${row[3]}`;
      stories.set(number, [
        `<b>trial ${number}</b>: ${escaped(row[trials.outcome])}, ${best}`,
        wrapped(used, 56),
        wrapped(row[trials.reason].split(" "), 56),
      ].filter(Boolean).join("<br>"));
    }
    return stories.get(number);
  };

  // Plotly has a button that sends a figure to its own server; a report sends nothing
  const config = { responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "", typesetMath: false };
  const hovers = window.matchMedia("(hover: hover)").matches;
  const buttons = [["toImage"], ["zoom2d", "pan2d", "resetScale2d"]];
  const plot = (place, figure) => {
    for (const trace of figure.data) {
      if (trace.meta === "trial") trace.text = trace.customdata.map((number) => (number === null ? "" : story(number)));
    }
    if (place.clientWidth < 500) {
      figure.layout.font.size = 11;
      figure.layout.margin.r = Math.min(figure.layout.margin.r, 40);
    }
    if (!hovers) figure.layout.dragmode = false; // on touch screens, dragging scrolls the page
    const bar = { modeBarButtons: buttons, displayModeBar: hovers && figure.layout.height > 300 && "hover" };
    Plotly.newPlot(place, figure.data, figure.layout, { ...config, ...bar });
  };
  const draw = (place) => {
    const figure = figures[Number(place.dataset.figure)];
    if (place.classList.contains("parallel")) drawParallel(place, figure, story);
    else if (place.classList.contains("dots")) drawDots(place, figure, story);
    else plot(place, figure);
  };

  // visible figures are drawn first, and the page stays responsive between figures
  const shownPlaces = [...document.querySelectorAll(".drawn")].filter((place) => !place.closest("[hidden]"));
  const waiting = shownPlaces.filter((place) => place.classList.contains("plot"));
  const next = () => {
    const seen = waiting.findIndex((place) => {
      const box = place.getBoundingClientRect();
      return box.bottom > 0 && box.top < window.innerHeight;
    });
    const place = waiting.splice(Math.max(seen, 0), 1)[0];
    if (!place) {
      document.documentElement.dataset.drawn = String(Math.round(performance.now()));
      return;
    }
    draw(place);
    if (seen < 0 && !document.documentElement.dataset.shown) {
      document.documentElement.dataset.shown = String(Math.round(performance.now()));
    }
    setTimeout(next, 0);
  };
  // loading Plotly takes half of the time, so texts, tables and the page's own figures are drawn before it
  for (const place of shownPlaces) if (!place.classList.contains("plot")) draw(place);
  const begin = () => {
    const script = document.createElement("script");
    script.text = document.getElementById("plotly").textContent;
    document.head.append(script);
    next();
  };
  requestAnimationFrame(() => setTimeout(begin, 0));

  for (const box of document.querySelectorAll(".selection")) {
    const groups = [...box.querySelectorAll(".group")];
    box.querySelector("select").addEventListener("change", (event) => {
      groups.forEach((group, i) => { group.hidden = i !== event.target.selectedIndex; });
      for (const place of groups[event.target.selectedIndex].querySelectorAll(".drawn")) {
        if (place.data) Plotly.Plots.resize(place);
        else draw(place);
      }
    });
  }

  // the leaderboard: the page's data has all rows, the table only those shown
  const board = document.getElementById("board");
  if (!board) return;
  const body = board.tBodies[0];
  const more = document.getElementById("more");
  let shown = trials.shown;
  let rows = trials.rows;
  const fill = () => {
    const made = rows.slice(0, shown).map((row) => {
      const line = document.createElement("tr");
      row.forEach((text, i) => {
        const cell = line.insertCell();
        cell.textContent = text;
        if (!trials.left.includes(i)) cell.className = "n";
      });
      return line;
    });
    body.replaceChildren(...made);
  };
  const before = (one, other) => {
    if (one === "" || other === "") return (one === "") - (other === "");
    const [a, b] = [Number(one), Number(other)];
    return Number.isNaN(a) || Number.isNaN(b) ? one.localeCompare(other) : a - b;
  };
  board.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const column = Number(button.dataset.column);
    const head = button.closest("th");
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of board.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows = [...trials.rows].sort((a, b) => {
      if (a[column] === "" || b[column] === "") return before(a[column], b[column]);
      return (down ? -1 : 1) * before(a[column], b[column]);
    });
    fill();
  });
  if (more) {
    more.addEventListener("click", () => {
      shown = trials.rows.length;
      fill();
      more.remove();
    });
  }
})();
