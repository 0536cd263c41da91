// uPlot, loaded only by pages with a chart.
export { default } from "uplot";
