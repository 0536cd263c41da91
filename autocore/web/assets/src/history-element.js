// A chart of the past: drag over it to zoom, or use its buttons; every view is asked of the server, so no spike is lost.
import { convert, language, nameIn, number, say } from "./words.js";

const SHORTEST_S = 10;
const RANGES = [["hour", 1], ["day", 24], ["week", 168], ["month", 720]];
const LONGEST_S = 366 * 86400;

class HistoryElement extends HTMLElement {
  connectedCallback() {
    this.ids = this.getAttribute("entities").split(",").filter(Boolean);
    const now = Date.now() / 1000;
    this.view = [now - Number(this.getAttribute("hours") || 24) * 3600, now];
    this.area = Object.assign(document.createElement("div"), { className: "history-area" });
    this.area.setAttribute("role", "img");
    this.area.setAttribute("aria-label", this.dataset.label);
    this.buttons = Object.assign(document.createElement("div"), { className: "acts" });
    for (const [word, act] of [["earlier", () => this.shift(-0.5)], ["later", () => this.shift(0.5)], ["closer", () => this.scale(0.5)], ["wider", () => this.scale(2)]]) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: this.dataset[word] });
      button.addEventListener("click", act);
      this.buttons.append(button);
    }
    this.ranges = Object.assign(document.createElement("div"), { className: "acts ranges" });
    for (const [word, hours] of RANGES) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: this.dataset[word] });
      button.dataset.hours = hours;
      button.addEventListener("click", () => {
        const end = Date.now() / 1000;
        this.look(end - hours * 3600, end);
      });
      this.ranges.append(button);
    }
    this.fineness = Object.assign(document.createElement("p"), { className: "hint" });
    this.fineness.setAttribute("role", "status");
    this.replaceChildren(this.ranges, this.area, this.fineness, this.buttons);
    this.observer = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.observer.observe(this);
    this.redraw = () => this.draw();
    document.addEventListener("themechange", this.redraw);
    this.load();
  }

  disconnectedCallback() {
    this.observer?.disconnect();
    document.removeEventListener("themechange", this.redraw);
    this.plot?.destroy();
  }

  shift(part) {
    const width = this.view[1] - this.view[0];
    this.look(this.view[0] + part * width, this.view[1] + part * width);
  }

  scale(factor) {
    const middle = (this.view[0] + this.view[1]) / 2;
    const half = ((this.view[1] - this.view[0]) * factor) / 2;
    this.look(middle - half, middle + half);
  }

  look(from, to) {
    const now = Date.now() / 1000;
    const width = Math.min(LONGEST_S, Math.max(SHORTEST_S, to - from));
    const end = Math.min(to, now + 1);
    this.view = [end - width, end];
    this.load();
  }

  async load() {
    const [from, to] = this.view;
    const mark = (this.mark = Symbol("load"));
    const points = Math.min(2000, Math.max(200, this.clientWidth * 2));
    const [{ default: uPlot }, ...answers] = await Promise.all([
      import(document.body.dataset.chart),
      ...this.ids.flatMap((id) => [
        fetch(`/api/v1/entities/${id}`).then((answer) => (answer.ok ? answer.json() : null)),
        fetch(`/api/v1/entities/${id}/history?from=${from}&to=${to}&points=${points}`).then((answer) => (answer.ok ? answer.json() : null)),
      ]),
    ]);
    if (mark !== this.mark || !this.isConnected) return; // a newer view was asked for meanwhile
    this.uPlot = uPlot;
    const coarsest = ["hours", "minutes"].find((one) => answers.some((answer) => answer?.resolution === one));
    this.fineness.textContent = coarsest ? this.dataset[`by${coarsest}`] : "";
    for (const button of this.ranges.children) {
      button.setAttribute("aria-pressed", String(Math.abs(to - from - button.dataset.hours * 3600) < 60));
    }
    this.series = this.ids.map((id, place) => {
      const about = answers[place * 2];
      const rows = (answers[place * 2 + 1]?.points ?? []).filter(([at, value]) => at != null && typeof value !== "string");
      const unit = about?.unit ?? null;
      return {
        name: nameIn(this, id) ?? about?.name ?? id,
        unit: convert(0, unit)[1],
        times: rows.map(([at]) => Date.parse(at) / 1000),
        values: rows.map(([, value]) => (typeof value === "number" ? convert(value, unit)[0] : value == null ? null : Number(value))),
      };
    });
    // What is downloaded beside the chart is what the chart shows.
    for (const link of this.closest("section")?.querySelectorAll("a[data-history]") ?? []) {
      link.href = `${link.dataset.history}&from=${from}&to=${to}`;
    }
    this.draw();
  }

  size() {
    return { width: Math.max(200, this.clientWidth), height: this.clientWidth < 500 ? 220 : 300 };
  }

  draw() {
    this.plot?.destroy();
    this.plot = null;
    this.area.replaceChildren();
    if (!this.series?.some((one) => one.times.length)) {
      this.area.append(Object.assign(document.createElement("p"), { className: "hint", textContent: this.dataset.empty }));
      return;
    }
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const units = [...new Set(this.series.map((one) => one.unit ?? ""))];
    const isLong = this.view[1] - this.view[0] > 86400;
    const tick = new Intl.DateTimeFormat(language, isLong ? { day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false } : { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
    const full = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium", hour12: false });
    const axis = { stroke: colour("--ac-axis"), ticks: { stroke: colour("--ac-grid") } };
    this.plot = new this.uPlot(
      {
        ...this.size(),
        cursor: { drag: { x: true, y: false, setScale: false } },
        scales: { x: { time: true, min: this.view[0], max: this.view[1], auto: false, range: () => this.view }, ...Object.fromEntries(units.map((unit) => [unit, {}])) },
        hooks: {
          setSelect: [
            (plot) => {
              if (plot.select.width < 8) return; // a click, not a stretch of time
              this.look(plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x"));
            },
          ],
        },
        series: [
          { label: say("time"), value: (_plot, at) => (at == null ? "" : full.format(at * 1000)) },
          ...this.series.map((one, place) => ({
            label: one.name,
            scale: one.unit ?? "",
            stroke: colour(`--ac-line-${(place % 4) + 1}`),
            width: 2,
            dash: place ? [12 - 2 * place, 4] : undefined, // told apart without colour too
            spanGaps: true,
            points: { show: one.times.length < 60 },
            value: (_plot, value) => (value == null ? "–" : `${number(value, null)} ${one.unit ?? ""}`),
          })),
        ],
        axes: [
          { ...axis, grid: { stroke: colour("--ac-grid"), width: 1 }, space: isLong ? 120 : 90, values: (_plot, ticks) => ticks.map((at) => tick.format(at * 1000)) },
          ...units.slice(0, 2).map((unit, place) => ({
            ...axis,
            scale: unit,
            side: place ? 1 : 3,
            grid: { show: !place, stroke: colour("--ac-grid"), width: 1 },
            size: 64,
            label: unit || undefined,
            labelSize: 22,
            values: (_plot, ticks) => ticks.map((value) => number(value, null)),
          })),
        ],
      },
      this.uPlot.join(this.series.map((one) => [one.times, one.values])),
      this.area,
    );
  }
}

customElements.define("ac-history", HistoryElement);
