"use strict";
// Adds sorting, filtering and paging to the long tables. Texts are inserted only as text
// nodes.
(() => {
  const pageSize = 25;
  const collator = new Intl.Collator("en", { numeric: true });
  const order = (a, b) => (typeof a === "number" ? a - b : collator.compare(a, b));
  const number = (n) => n.toLocaleString("en");

  // A row has a sort key for each column, its text for the filter, and a function that
  // makes its element when it is shown.
  const row = (keys, element) => ({ keys, text: keys.join(" ").toLowerCase(), element });

  const element = (name, content, className) => {
    const e = document.createElement(name);
    e.append(content);
    if (className) e.className = className;
    return e;
  };

  // fromTable reads rows that are in the page as HTML.
  const fromTable = (table) =>
    Array.from(table.tBodies[0].rows, (tr) => {
      const keys = Array.from(tr.cells, (cell) =>
        cell.className === "number" ? Number(cell.textContent) : cell.textContent);
      return row(keys, () => tr);
    });

  // fromData reads rows that are in the page as data, in the form of html_data.go.
  const fromData = ({ statuses, packages, files, rows }) => {
    const tones = { passed: "good", failed: "bad", flaky: "warn", skipped: "warn" };
    return rows.map(([pkg, test, status = 0, ms = 0, line = 0, file = 0, tries = 0]) => {
      const place = files[file] + (file && line ? ":" + line : "");
      const outcome = statuses[status];
      const keys = [outcome, test, packages[pkg], ms / 1000, Math.max(tries, 1), place];
      return row(keys, () => {
        const tr = document.createElement("tr");
        const badge = element("span", outcome, "badge " + (tones[outcome] || "plain"));
        tr.append(
          element("td", badge), element("td", test), element("td", keys[2]),
          element("td", keys[3].toFixed(3), "number"), element("td", String(keys[4]), "number"),
          element("td", element("code", place)));
        return tr;
      });
    });
  };

  const enhance = (long) => {
    const table = long.querySelector("table");
    const rows = long.dataset.rows
      ? fromData(JSON.parse(document.getElementById(long.dataset.rows).textContent))
      : fromTable(table);
    const filter = long.querySelector(".filter");
    const status = filter.querySelector("[role=status]");
    const pages = long.querySelector(".pages");
    const [previous, next] = pages.querySelectorAll("button");
    let shown = rows;
    let page = 0;

    const render = () => {
      const last = Math.max(Math.ceil(shown.length / pageSize) - 1, 0);
      page = Math.min(Math.max(page, 0), last);
      const from = page * pageSize;
      table.tBodies[0].replaceChildren(...shown.slice(from, from + pageSize).map((r) => r.element()));
      // A focused button keeps the focus with aria-disabled, but not with disabled.
      previous.setAttribute("aria-disabled", page === 0);
      next.setAttribute("aria-disabled", page === last);
      pages.hidden = last === 0;
      pages.querySelector("span").textContent = `Page ${number(page + 1)} of ${number(last + 1)}`;
    };
    const turn = (by) => () => {
      page += by;
      render();
    };
    previous.addEventListener("click", turn(-1));
    next.addEventListener("click", turn(1));

    const input = filter.querySelector("input");
    const select = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      shown = rows.filter((r) => words.every((w) => r.text.includes(w)));
      const all = `${number(rows.length)} ${long.dataset.name}${rows.length === 1 ? "" : "s"}`;
      status.textContent = words.length ? `${number(shown.length)} of ${all}` : all;
      page = 0;
      render();
    };
    input.addEventListener("input", select);

    const headers = Array.from(table.tHead.rows[0].cells);
    headers.forEach((th, column) => {
      const button = element("button", th.textContent);
      button.type = "button";
      th.replaceChildren(button);
      th.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const down = th.getAttribute("aria-sort") === "ascending";
        headers.forEach((other) => other.setAttribute("aria-sort", "none"));
        th.setAttribute("aria-sort", down ? "descending" : "ascending");
        rows.sort((a, b) => (down ? -1 : 1) * order(a.keys[column], b.keys[column]));
        select();
      });
    });

    long.hidden = filter.hidden = false;
    select();
  };

  document.querySelectorAll(".long").forEach(enhance);
})();
