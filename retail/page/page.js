"use strict";
// Lists: sort by a heading, filter by a word, download what is shown. The data stand in the page as JSON.
const SHOWN_AT_FIRST = 10;
const LONG = 40, DAY = /^\d{4}-\d\d-\d\d$/;
const FORMULA = new RegExp("^(?:" + JSON.parse(document.getElementById("formula").textContent) + ")");

const shown = (value, places) => value === null ? "" : typeof value === "number"
  ? value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places })
  : String(value);

// what a spreadsheet takes for a formula gets a ' before it; numbers are none
const csvCell = (value) => {
  const text = value === null ? "" : typeof value === "string" && FORMULA.test(value) ? "'" + value : String(value);
  return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
};

function compare(one, other) {
  if (one === other) return 0;
  if (one === null) return 1;
  if (other === null) return -1;
  return typeof one === "number" ? one - other : one < other ? -1 : 1;
}

for (const section of document.querySelectorAll("[data-list]")) {
  const { names, decimals, rows } = JSON.parse(section.querySelector("script").textContent);
  const [search, body, count] = ["input", "tbody", "output"].map((name) => section.querySelector(name));
  const more = section.querySelector("[data-more]");
  const headings = section.querySelectorAll("th");
  rows.forEach((row) => row.forEach((value, place) => typeof value === "number" && (headings[place].className = "n")));
  let found = rows, limit = SHOWN_AT_FIRST;

  function draw() {
    const drawn = found.slice(0, limit).map((row) => {
      const line = document.createElement("tr");
      row.forEach((value, place) => {
        const cell = line.insertCell();
        cell.textContent = shown(value, decimals[place]);
        cell.className = typeof value === "number" ? "n" : DAY.test(value) ? "day" : cell.textContent.length > LONG ? "long" : "";
      });
      return line;
    });
    body.replaceChildren(...drawn);
    count.textContent = `${drawn.length.toLocaleString("en-US")} of ${found.length.toLocaleString("en-US")} shown`;
    more.hidden = drawn.length === found.length;
  }

  search.addEventListener("input", () => {
    const word = search.value.toLowerCase();
    found = rows.filter((row) => row.some((value, place) => shown(value, decimals[place]).toLowerCase().includes(word)));
    draw();
  });
  more.addEventListener("click", () => { limit = Infinity; draw(); });
  section.querySelectorAll("th button").forEach((button, place) => button.addEventListener("click", () => {
    const heading = button.closest("th");
    const way = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    section.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", way);
    const sign = way === "ascending" ? 1 : -1;
    rows.sort((one, other) => sign * compare(one[place], other[place]));
    if (found !== rows) found.sort((one, other) => sign * compare(one[place], other[place]));
    draw();
  }));
  section.querySelector("[data-download]").addEventListener("click", () => {
    const lines = [names, ...found].map((row) => row.map(csvCell).join(","));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    link.download = section.dataset.list + ".csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  draw();
}
