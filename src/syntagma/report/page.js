// What a page can do with scripts: themes, tables that sort, and interactive figures in place of the static ones.
// Where anything fails, the static page stays as it is.
(() => {
  const study = document.documentElement.dataset.study;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const phone = window.matchMedia("(max-width: 40rem)");
  const figures = [];

  function element(tag, attributes = {}, ...children) {
    const made = Object.assign(document.createElement(tag), attributes);
    for (const [name, value] of Object.entries(attributes)) if (name.includes("-") || name === "role") made.setAttribute(name, value);
    made.append(...children);
    return made;
  }
  function button(text, label, onclick, more = {}) {
    return element("button", { type: "button", "aria-label": label, title: label, onclick, ...more }, text);
  }
  function download(name, type, data) {
    const address = URL.createObjectURL(new Blob([data], { type }));
    element("a", { href: address, download: `${study}-${name}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  // Themes: as the system says, until a reader chooses.
  const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const theme = button("Dark theme", "Dark theme", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    themed();
  });
  function themed() {
    theme.setAttribute("aria-pressed", isDark());
    for (const figure of figures) figure.draw();
  }
  document.querySelector(".origin").append(theme);
  system.addEventListener("change", themed);
  phone.addEventListener("change", themed);

  // Tables: a heading sorts its column; CSV has the whole numbers and all rows.
  const written = (cell) => cell.dataset.value ?? cell.textContent;
  for (const table of document.querySelectorAll("table[data-name]")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const sort = element("button", { type: "button", className: "sort", onclick: () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = (row) => row.cells[column].dataset.value === undefined ? row.cells[column].textContent : Number(row.cells[column].dataset.value);
        const rows = [...table.tBodies[0].rows].sort((a, b) => {
          const [x, y] = [key(a), key(b)];
          if (typeof x === "string") return (up ? 1 : -1) * x.localeCompare(y, "en", { numeric: true });
          return Number.isNaN(x) - Number.isNaN(y) || (up ? x - y : y - x);
        });
        table.tBodies[0].append(...rows);
      } }, ...head.childNodes);
      head.append(sort);
    });
    const quoted = (text) => `"${text.replace(/^(?=[=+@\t\r]|-(?!\d))/, "'").replaceAll('"', '""')}"`;
    const lines = () => [...table.rows].map((row) => [...row.cells].map((cell) => quoted(written(cell))).join(",") + "\n");
    const name = `${table.dataset.name}.csv`;
    const save = button("CSV", `Download the table ${table.dataset.name} as CSV`, () => download(name, "text/csv", lines().join("")));
    table.parentElement.before(element("div", { className: "controls" }, save));
  }

  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const unpacked = (id) => new Response(new Blob([bytesOf(document.getElementById(id).textContent)]).stream()
    .pipeThrough(new DecompressionStream("gzip"))).text();

  function put(object, path, value) {
    const names = path.split(".");
    const last = names.pop();
    names.reduce((inner, name) => (inner[name] ??= {}), object)[last] = value;
  }
  const axesOf = (layout) => Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name) && layout[name].visible !== false);
  const plain = (markup) => new DOMParser().parseFromString(markup, "text/html").body.textContent;

  class Interactive {
    constructor(place, { data, layout, dark, csv, title }) {
      Object.assign(this, { place, base: { data, layout }, darker: dark, csv, title, name: place.dataset.figure });
      this.menus = layout.updatemenus;
      layout.updatemenus = [];
      for (const places of [layout, layout.meta.stacked]) {
        places.margin.t -= 72;
        places.height -= 72;
      }
      this.linear = new Set(); // sides drawn linear, "x" or "y"
      this.ranges = {}; // of axes that were zoomed or moved
      this.hidden = new Set(); // groups of the legend
      this.seed = "";
      place.tabIndex = 0;
      place.setAttribute("role", "group");
      place.setAttribute("aria-label", `${title} Interactive figure: plus and minus zoom, arrows move, 0 shows all.`);
      place.addEventListener("keydown", (event) => this.key(event));
      this.bar = this.controls();
      place.before(this.bar);
    }

    // The static figure stands alone, with a word on why.
    giveUp(error) {
      this.place.hidden = true;
      this.bar.replaceChildren(`This figure could not be made interactive (${error.message ?? error}).`);
    }

    controls() {
      const all = element("div", { className: "controls", role: "group", "aria-label": `Controls of ${this.title}` });
      for (const menu of this.menus) {
        const side = menu.name.at(-1);
        const toggle = button(`${side} linear`, `Axis ${side} linear instead of logarithmic`, () => {
          this.linear[this.linear.has(side) ? "delete" : "add"](side);
          for (const axis of Object.keys(this.ranges)) if (axis[0] === side) delete this.ranges[axis];
          toggle.setAttribute("aria-pressed", this.linear.has(side));
          this.draw();
        }, { "aria-pressed": "false" });
        all.append(toggle);
      }
      all.append(button("+", "Zoom in", () => this.zoom(0.7)), button("−", "Zoom out", () => this.zoom(1 / 0.7)),
        button("All", "Show all of it again", () => this.reset()));
      const seeds = new Set(this.base.data.flatMap((trace) => Object.keys(trace.meta.seeds ?? {}).concat(trace.meta.seed ?? [])));
      if (seeds.size > 1) {
        const select = element("select", { onchange: () => { this.seed = select.value; this.draw(); } }, new Option("all seeds", ""));
        for (const seed of [...seeds].sort((a, b) => a - b)) select.append(new Option(`seed ${seed}`, seed));
        all.append(element("label", {}, "Show ", select));
      }
      for (const [name, save] of [["PNG", () => this.image("png")], ["SVG", () => this.image("svg")],
        ["CSV", () => download(`${this.name}.csv`, "text/csv", this.csv)]])
        all.append(button(name, `Download the figure ${this.name} as ${name}`, save));
      const entries = new Map();
      for (const trace of this.base.data) if (trace.showlegend && !entries.has(trace.legendgroup)) entries.set(trace.legendgroup, plain(trace.name));
      this.boxes = new Map();
      const shown = element("div", { className: "shown", role: "group", "aria-label": "What is shown" });
      for (const [group, name] of entries) {
        const box = element("input", { type: "checkbox", checked: true, onchange: () => this.toggle(group) });
        this.boxes.set(group, box);
        shown.append(element("label", {}, box, ` ${name}`));
      }
      if (entries.size > 1) all.append(element("details", {}, element("summary", {}, "Choose what is shown"), shown));
      this.trouble = all.appendChild(element("span", { role: "status" }));
      return all;
    }

    toggle(group) {
      this.hidden[this.hidden.has(group) ? "delete" : "add"](group);
      this.boxes.get(group).checked = !this.hidden.has(group);
      this.draw();
    }

    // The figure as its controls say.
    spec(dark) {
      const made = structuredClone(this.base);
      if (dark) for (const [path, colour] of this.darker) put(made, path, colour);
      if (phone.matches) for (const [path, part] of Object.entries(made.layout.meta.stacked)) put(made.layout, path, part);
      for (const menu of this.menus)
        if (this.linear.has(menu.name.at(-1))) for (const [path, part] of Object.entries(menu.buttons[1].args[0])) put(made.layout, path, part);
      this.home = Object.fromEntries(axesOf(made.layout).map((axis) => [axis, made.layout[axis].range]));
      for (const [axis, range] of Object.entries(this.ranges)) made.layout[axis].range = range;
      for (const trace of made.data) {
        const { seed, seeds, band } = trace.meta;
        if (this.seed !== "" && seeds) trace.y = seeds[this.seed] ?? trace.y.map(() => null);
        const other = this.seed !== "" && (band || (seed !== undefined && String(seed) !== this.seed));
        if (this.hidden.has(trace.legendgroup)) trace.visible = trace.showlegend ? "legendonly" : false;
        else if (other && !trace.showlegend) trace.visible = false;
      }
      made.layout.dragmode = phone.matches ? false : "zoom";
      return made;
    }

    // What fails is said beside the controls, which go on: another choice, or All, may draw again.
    async draw() {
      try {
        await this.drawOnce();
        this.trouble.textContent = "";
      } catch (error) {
        if (!this.drawn) throw error;
        this.trouble.textContent = `This could not be drawn (${error.message ?? error}). Choose otherwise, or All.`;
      }
    }

    async drawOnce() {
      const { data, layout } = this.spec(isDark());
      await Plotly.react(this.place, data, layout, { responsive: true, displayModeBar: false, doubleClick: false });
      if (this.drawn) return;
      this.drawn = true;
      this.place.on("plotly_relayout", (change) => {
        for (const axis of axesOf(this.place.layout))
          if (`${axis}.range[0]` in change) this.ranges[axis] = [...this.place.layout[axis].range];
      });
      this.place.on("plotly_doubleclick", () => this.reset());
      this.place.on("plotly_legenddoubleclick", () => false);
      this.place.on("plotly_legendclick", (event) => {
        this.toggle(event.data[event.curveNumber].legendgroup);
        return false;
      });
    }

    zoom(factor, moved = { x: 0, y: 0 }) {
      for (const [axis, range] of Object.entries(this.home)) {
        const [low, high] = this.ranges[axis] ?? range;
        const middle = (low + high) / 2 + moved[axis[0]] * (high - low);
        this.ranges[axis] = [middle - (factor * (high - low)) / 2, middle + (factor * (high - low)) / 2];
      }
      this.draw();
    }

    reset() {
      this.ranges = {};
      this.draw();
    }

    key(event) {
      if (event.target !== this.place || event.ctrlKey || event.metaKey || event.altKey) return;
      const moves = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };
      if (event.key === "+" || event.key === "=") this.zoom(0.7);
      else if (event.key === "-") this.zoom(1 / 0.7);
      else if (event.key === "0") this.reset();
      else if (event.key in moves) this.zoom(1, { x: moves[event.key][0], y: moves[event.key][1] });
      else return;
      event.preventDefault();
    }

    // For slides: on white, with the title.
    async image(format) {
      try {
        await this.imageOnce(format);
      } catch (error) {
        this.trouble.textContent = `No ${format.toUpperCase()} could be made (${error.message ?? error}).`;
      }
    }

    async imageOnce(format) {
      const { data, layout } = this.spec(false);
      layout.title = { text: this.base.layout.meta.title, x: 0, xref: "paper", y: 0.98, yref: "container", yanchor: "top", font: { size: 15, weight: 700 } };
      layout.margin.t += 34;
      layout.height += 34;
      layout.width = this.place.clientWidth;
      const made = await Plotly.toImage({ data, layout }, { format, scale: 3, width: layout.width, height: layout.height });
      const body = made.slice(made.indexOf(",") + 1);
      if (format === "svg") download(`${this.name}.svg`, "image/svg+xml", decodeURIComponent(body));
      else download(`${this.name}.png`, "image/png", bytesOf(body));
    }
  }

  async function interactive() {
    const places = document.querySelectorAll(".interactive");
    if (!places.length || !("DecompressionStream" in window)) return;
    const known = JSON.parse(await unpacked("figures-packed"));
    document.head.append(element("script", { textContent: await unpacked("plotly-packed") }));
    for (const place of places) {
      const still = place.previousElementSibling;
      place.hidden = false;
      let figure;
      try {
        figure = new Interactive(place, known[place.dataset.figure]);
        await figure.draw();
        figures.push(figure);
        still.classList.add("print-only");
        place.parentElement.classList.add("ready");
      } catch (error) {
        place.hidden = true;
        figure?.giveUp(error);
        console.error(error);
      }
    }
    if (figures.some((figure) => figure.place.layout.paper_bgcolor !== figure.spec(isDark()).layout.paper_bgcolor)) themed();
  }
  themed();
  interactive().finally(() => (document.documentElement.dataset.ready = "yes"));
})();
