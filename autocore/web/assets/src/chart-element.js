// A live chart: the history first, then what arrives. uPlot is loaded only where there is one.
import { live } from "./live.js";
import { convert, language, nameIn, number, say } from "./words.js";

const REDRAW_MS = 250; // four times a second: more is not seen on a chart of minutes

class ChartElement extends HTMLElement {
  async connectedCallback() {
    this.ids = this.getAttribute("entities").split(",").filter(Boolean);
    this.seconds = Number(this.getAttribute("seconds") || 300);
    this.series = new Map(this.ids.map((id) => [id, { times: [], values: [], unit: null, name: id }]));
    const [{ default: uPlot }] = await Promise.all([
      import(document.body.dataset.chart),
      ...this.ids.map((id) => this.load(id)),
    ]);
    if (!this.isConnected) return;
    this.uPlot = uPlot;
    this.draw();
    this.stops = this.ids.map((id) => live.watch(id, (state) => this.add(state)));
    this.timer = setInterval(() => this.refresh(), REDRAW_MS);
    this.observer = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.observer.observe(this);
    this.redraw = () => this.draw();
    document.addEventListener("themechange", this.redraw);
  }

  disconnectedCallback() {
    for (const stop of this.stops ?? []) stop();
    clearInterval(this.timer);
    this.observer?.disconnect();
    document.removeEventListener("themechange", this.redraw);
    this.plot?.destroy();
  }

  async load(id) {
    const from = Date.now() / 1000 - this.seconds;
    const [about, past] = await Promise.all(
      [`/api/v1/entities/${id}`, `/api/v1/entities/${id}/history?from=${from}&points=600`].map((path) =>
        fetch(path).then((answer) => (answer.ok ? answer.json() : null)),
      ),
    );
    const series = this.series.get(id);
    if (about) Object.assign(series, { name: nameIn(this, id) ?? about.name, device: about.device, own: about.unit, unit: convert(0, about.unit)[1] });
    for (const [at, value] of past?.points ?? []) {
      if (at == null || typeof value === "string") continue;
      series.times.push(Date.parse(at) / 1000);
      series.values.push(this.shown(series, value));
    }
  }

  shown(series, value) {
    return typeof value === "number" ? convert(value, series.own)[0] : value;
  }

  add(state) {
    if (!state.updated_at || typeof state.value === "string") return;
    const series = this.series.get(state.id);
    const at = Date.parse(state.updated_at) / 1000;
    if (series.times.length && at <= series.times.at(-1)) return;
    series.times.push(at);
    series.values.push(state.available ? this.shown(series, state.value) : null);
    this.isStale = true;
  }

  refresh() {
    if (!this.plot) {
      if (this.hasReadings()) this.draw();
      return;
    }
    const now = Date.now() / 1000;
    for (const series of this.series.values()) {
      while (series.times.length && series.times[0] < now - this.seconds) {
        series.times.shift();
        series.values.shift();
      }
    }
    if (this.isStale && !document.hidden) {
      this.isStale = false;
      this.plot.setData(this.data());
    }
  }

  data() {
    const tables = [...this.series.values()].map((one) => [one.times, one.values]);
    return this.uPlot.join(tables);
  }

  hasReadings() {
    return [...this.series.values()].some((one) => one.times.length);
  }

  size() {
    return { width: Math.max(200, this.clientWidth), height: this.clientWidth < 500 ? 200 : 260 };
  }

  draw() {
    this.plot?.destroy();
    this.plot = null;
    this.replaceChildren();
    if (!this.hasReadings()) {
      this.append(Object.assign(document.createElement("p"), { className: "hint", textContent: say("no_data") }));
      return;
    }
    const style = getComputedStyle(document.documentElement);
    const text = style.getPropertyValue("--ac-axis").trim();
    const grid = style.getPropertyValue("--ac-grid").trim();
    const colours = [1, 2, 3, 4].map((place) => style.getPropertyValue(`--ac-line-${place}`).trim());
    const units = [...new Set([...this.series.values()].map((one) => one.unit ?? ""))];
    const lines = [...this.series.values()].map((one, place) => ({
      label: one.name,
      scale: one.unit ?? "",
      stroke: colours[place % colours.length],
      width: 2,
      dash: place ? [12 - 2 * place, 4] : undefined, // told apart without colour too
      spanGaps: true,
      points: { show: false },
      value: (_plot, value) => (value == null ? "–" : `${number(value, null)} ${one.unit ?? ""}`),
    }));
    const axes = units.slice(0, 2).map((unit, place) => ({
      scale: unit,
      side: place ? 1 : 3,
      stroke: text,
      grid: { show: !place, stroke: grid, width: 1 },
      ticks: { stroke: grid },
      size: 56,
      label: unit || undefined,
      labelSize: 22,
      values: (_plot, ticks) => ticks.map((tick) => number(tick, null)),
    }));
    const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
    this.plot = new this.uPlot(
      {
        ...this.size(),
        legend: { live: true },
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: true }, ...Object.fromEntries(units.map((unit) => [unit, {}])) },
        series: [{ label: say("time"), value: (_plot, at) => (at == null ? "" : clock.format(at * 1000)) }, ...lines],
        axes: [{ stroke: text, grid: { stroke: grid }, ticks: { stroke: grid }, space: 90, values: (_plot, ticks) => ticks.map((tick) => clock.format(tick * 1000)) }, ...axes],
      },
      this.data(),
      this,
    );
  }
}

customElements.define("ac-chart", ChartElement);
