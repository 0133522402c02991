// The graph of the annotated functions: mutations at the left, then the cached functions that they reach, then those
// whose bodies call these. The functions of one prefix are in one band of rows.
const ROW = 28, GAP = 80, LETTER = 7.4, LONGEST = 36;
const dependencies = { at: 0, text: "", functions: [], edges: [], chosen: null };

async function relearn(at) {
  dependencies.at = at;
  try {
    const response = await fetch(base + "/graph", { headers: key ? { "x-cache-admin-key": key } : {} });
    if (!response.ok) throw new Error("status " + response.status);
    const text = await response.text();
    if (text === dependencies.text) return;
    Object.assign(dependencies, JSON.parse(text), { text });
    labelled(dependencies.functions);
    draw();
  } catch (error) {
    byId("graph-state").textContent = "the dependencies are unknown: " + error.message;
  }
}

// A label is the path without its module, or with as many parts of that as tell it from all others.
function labelled(functions) {
  const label = ({ path, module }, parts) => {
    const inside = path.startsWith(module + "::") ? path.slice(module.length + 2) : path;
    return [...module.split("::").slice(-parts), inside].slice(parts ? 0 : -1).join("::");
  };
  for (const of of functions) {
    const most = of.module.split("::").length;
    let parts = 0;
    while (parts < most && functions.some((other) => other !== of && label(other, parts) === label(of, parts))) parts += 1;
    of.label = label(of, parts);
  }
}

function draw() {
  const shown = filtered();
  const places = layout(shown);
  const svg = byId("graph");
  svg.setAttribute("width", places.width);
  svg.setAttribute("height", places.height);
  const bands = places.bands.flatMap(({ title, y, height }) => [
    shape("rect", { class: "band", x: 0, y, width: "100%", height: height - 4, rx: 4 }),
    shape("text", { class: "band-name", x: 6, y: y + 14 }, title),
  ]);
  const lines = shown.edges.filter((edge) => edge.left !== edge.right).map((edge) => line(edge, places));
  svg.replaceChildren(arrow(), ...bands, ...lines, ...shown.nodes.map((node) => box(node, places.of.get(node))));
  light(dependencies.chosen);
  rows(shown);
  const all = dependencies.functions.length;
  byId("graph-state").textContent = shown.nodes.length === all ? all + " functions, " + shown.edges.length + " dependencies"
    : shown.nodes.length + " of " + all + " functions";
}

// The functions that match the filter, and their neighbours. `left` of an edge is the function on which `right` depends.
function filtered() {
  const words = byId("graph-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const { functions } = dependencies;
  const matches = (of) => words.every((word) => [of.path, of.prefix ?? "", ...of.tags].some((text) => text.toLowerCase().includes(word)));
  const all = dependencies.edges.map((edge) => {
    const [from, to] = [functions[edge.from], functions[edge.to]];
    return { ...edge, from, to, left: edge.kind === "calls" ? to : from, right: edge.kind === "calls" ? from : to };
  });
  const beside = new Set(all.flatMap(({ left, right }) => matches(left) || matches(right) ? [left, right] : []));
  const nodes = functions.filter((of) => matches(of) || beside.has(of));
  return { nodes, edges: all.filter(({ left, right }) => nodes.includes(left) && nodes.includes(right)) };
}

// Mutations are in column 0. A cached function is at the right of all that its body calls; of a circle, one call is ignored.
function columnsOf({ nodes, edges }) {
  const columns = new Map(), open = new Set();
  const columnOf = (node) => {
    if (node.kind !== "cached") return 0;
    if (columns.has(node) || open.has(node)) return columns.get(node) ?? 0;
    open.add(node);
    const inner = edges.filter((edge) => edge.kind === "calls" && edge.right === node && edge.left !== node);
    columns.set(node, Math.max(0, ...inner.map((edge) => columnOf(edge.left))) + 1);
    return columns.get(node);
  };
  return new Map(nodes.map((node) => [node, columnOf(node)]));
}

// A function is in the band of the first part of its prefix; a mutation without one, in that of the first function that it reaches.
function bandOf(node, edges) {
  const reached = () => edges.find((edge) => edge.left === node)?.right.prefix;
  return (node.prefix ?? reached() ?? "").split(/[:{]/)[0];
}

function layout(shown) {
  const columns = columnsOf(shown), bands = new Map(), widths = [], of = new Map();
  for (const node of shown.nodes) {
    const band = bandOf(node, shown.edges), column = columns.get(node);
    if (!bands.has(band)) bands.set(band, []);
    (bands.get(band)[column] ??= []).push(node);
    widths[column] = Math.max(widths[column] ?? 0, width(node));
  }
  let x = 10;
  const sides = Array.from(widths, (width) => {
    const start = x;
    x += width === undefined ? 0 : width + GAP;
    return { start, end: start + (width ?? 0) };
  });
  let y = 0;
  const drawn = [...bands].sort(([a], [b]) => (a < b ? -1 : 1)).map(([title, lists]) => {
    lists.forEach((list, column) => list.forEach((node, row) => of.set(node, { column, x: sides[column].start, end: sides[column].end, y: y + 22 + row * ROW })));
    const height = 26 + ROW * Math.max(...lists.filter(Boolean).map((list) => list.length));
    y += height;
    return { title, y: y - height, height };
  });
  return { of, bands: drawn, width: Math.max(x - GAP + 10, 0), height: y };
}

function abridged(label) { return label.length > LONGEST ? "…" + label.slice(1 - LONGEST) : label; }
function width(node) { return abridged(node.label).length * LETTER + 14; }

function shape(kind, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", kind);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  if (text !== undefined) element.textContent = text;
  return element;
}

function arrow() {
  const marker = shape("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" });
  marker.append(shape("path", { d: "M0 0L8 4L0 8z" }));
  return marker;
}

function line(edge, places) {
  const [a, b] = [places.of.get(edge.left), places.of.get(edge.right)];
  const path = shape("path", {
    class: "edge" + (edge.kind === "calls" && !edge.inherits ? " loose" : ""), "marker-end": "url(#arrow)",
    d: "M" + [a.x + width(edge.left), a.y + 11] + way(a, b),
  });
  path.ends = [edge.left, edge.right];
  path.append(shape("title", {}, sentence(edge)));
  return path;
}

// A line bends between two columns only. It passes other columns between two rows.
function way(a, b) {
  const bend = (x, from, to) => "L" + [x, from] + "C" + [x + GAP / 2, from, x + GAP / 2, to, x + GAP, to];
  if (b.column <= a.column) return "C" + [a.end + GAP, a.y - ROW, b.x - GAP, b.y - ROW, b.x, b.y + 11];
  if (b.column === a.column + 1) return bend(a.end, a.y + 11, b.y + 11);
  return bend(a.end, a.y + 11, a.y + 25) + bend(b.x - GAP, a.y + 25, b.y + 11);
}

function box(node, { x, y }) {
  const group = shape("g", { class: "node " + node.kind, role: "button", tabindex: 0, "aria-pressed": false, "data-function": node.path });
  group.setAttribute("aria-label", node.label + ", " + node.kind);
  group.append(
    shape("title", {}, node.path + "\n" + node.file + ":" + node.line + "\n" + names(node).join(", ")),
    shape("rect", { x, y, width: width(node), height: 22, rx: 4 }),
    shape("text", { x: x + 7, y: y + 15 }, abridged(node.label)),
  );
  group.node = node;
  const choose = () => {
    dependencies.chosen = dependencies.chosen === node.path ? null : node.path;
    light(dependencies.chosen);
  };
  group.addEventListener("click", choose);
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  });
  group.addEventListener("mouseenter", () => light(node.path));
  group.addEventListener("mouseleave", () => light(dependencies.chosen));
  return group;
}

// Highlights a function and its neighbours.
function light(path) {
  const svg = byId("graph");
  const near = new Set();
  const nodes = [...svg.querySelectorAll(".node")];
  const lit = nodes.find(({ node }) => node.path === path)?.node;
  near.add(lit);
  for (const edge of svg.querySelectorAll(".edge")) {
    const touches = edge.ends.includes(lit);
    edge.classList.toggle("near", touches);
    if (touches) edge.ends.forEach((end) => near.add(end));
  }
  for (const group of nodes) {
    group.classList.toggle("near", near.has(group.node));
    group.classList.toggle("chosen", group.node.path === dependencies.chosen);
    group.setAttribute("aria-pressed", group.node.path === dependencies.chosen);
  }
  svg.classList.toggle("lit", lit !== undefined);
}

function names(node) { return [node.prefix, ...node.tags].filter((text) => text !== null); }
function means(edge) {
  if (edge.kind !== "calls") return edge.by.map(({ option, text }) => (option === "tags" ? "tag" : option) + " " + text).join(", ");
  return number(edge.count) + " seen" + (edge.inherits ? ", inherits" : "");
}
function sentence(edge) { return edge.from.label + " " + edge.kind + " " + edge.to.label + " (" + means(edge) + ")"; }

function rows({ nodes, edges }) {
  const titles = ["function", "attribute", "prefix and tags", "reaches", "reached by"];
  byId("graph-rows").replaceChildren(...nodes.map((node) => {
    const reaches = edges.filter((edge) => edge.from === node).map((edge) => edge.kind + " " + edge.to.label + " (" + means(edge) + ")");
    const reached = edges.filter((edge) => edge.to === node).map((edge) => edge.from.label + " " + edge.kind);
    const row = document.createElement("tr");
    row.append(...[[node.path], [node.kind], names(node), reaches, reached].map((lines, place) => {
      const cell = document.createElement("td");
      cell.dataset.title = titles[place];
      cell.append(...lines.flatMap((text, at) => [...(at ? [document.createElement("br")] : []), ...breakable(text)]));
      return cell;
    }));
    return row;
  }));
}

byId("graph-filter").addEventListener("input", draw);
