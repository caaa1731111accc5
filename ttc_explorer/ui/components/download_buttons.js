// CSV and PNG of a Plotly figure under its heading: see result_card.py.
const [csv, png] = element.querySelectorAll("button");
const drawnFigure = () => document.querySelector(`#${props.figure} .js-plotly-plot`);
const saveTable = (text) => saveText(text, `${props.file_name}.csv`, "text/csv");

const cell = (value) => `"${String(value ?? "").replaceAll('"', '""')}"`;
const plain = (text) => text?.replace(/<br>/g, "; ").replace(/<[^>]*>/g, "");
const pointRows = (trace) => trace.x.map((x, at) => [
  trace.meta, trace.name, x, trace.y[at], ...(trace.customdata?.[at] ?? ["", ""]), plain(trace.text?.[at]),
]);

csv.addEventListener("click", () => {
  if (props.server_table) return trigger("csv");
  const traces = (drawnFigure()?.data ?? []).filter((trace) => trace.hoverinfo !== "skip");
  const rows = traces.flatMap(pointRows);
  const head = ["panel", "line", "x", "y", "low", "high", "said"];
  if (rows.length) saveTable([head, ...rows].map((row) => row.map(cell).join(",") + "\n").join(""));
});
watch("table", () => {
  if (!props.table) return;
  saveTable(props.table);
  props.table = "";  // so that the same table can be saved again
});

// For paper: the figure as it is, under the title (h2) and the line (p) of its heading.
png.addEventListener("click", () => {
  const drawn = drawnFigure();
  if (!drawn) return;
  const heading = [...document.querySelectorAll(`#${props.heading} :is(h2, p)`)];
  const seen = drawn.getBoundingClientRect(), room = 64, air = 18;  // the page's letters are narrower
  const width = seen.width + air, height = seen.height + room;
  const [title, caption] = heading.map((each) => each.textContent.replace(/[<>]/g, ""));
  const text = `<b>${title}</b><br><span style="font-size:14px">${caption ?? ""}</span>`;
  const { margin } = drawn.layout;
  const layout = {
    ...drawn.layout, width, height,
    margin: { ...margin, t: margin.t + room, l: margin.l + air },
    title: { text, x: 0, xref: "paper", y: 1, yanchor: "top", pad: { t: 24 }, font: { size: 20 } },
  };
  const format = { format: "png", filename: props.file_name, width, height, scale: 2 };
  Plotly.downloadImage({ data: drawn.data, layout }, format);
});
