// Which viewports a layout has: pane, plane, with overlays or bare, and how they lie on the grid.
import { N_ } from "./words.js";

export const LAYOUTS = { one: N_("One"), pair: N_("Side by side"), tiles: N_("All scans"), large: N_("1 + 3"), quad: N_("2 × 2"), fusion: N_("Compare") };

/** Layouts that make sense for these panes. */
export function possible(panes, active) {
  const pane = panes[active] ?? panes[0];
  const names = ["one"];
  if (pane.overlays.length) names.push("pair");
  if (panes.length > 1) names.push("tiles");
  if (pane.geometry.volumetric) names.push("large", "quad");
  if (panes.length > 1 && panes[1].related) names.push("fusion");
  return names;
}

export function automatic(panes) {
  if (panes.length > 1) return "tiles";
  return panes[0].overlays.length && !panes[0].geometry.volumetric ? "pair" : "one";
}

/** The grid and viewports of a layout: {columns, rows, cells: [{pane, plane, bare, area, slab}]}. */
export function arrange(name, panes, active, plane) {
  const pane = panes[active];
  const main = plane && pane.geometry.planes[plane] ? plane : pane.geometry.main;
  const cell = (more) => ({ pane: active, plane: main, bare: false, ...more });
  switch (name) {
    case "pair": return { columns: "1fr 1fr", rows: "1fr", cells: [cell({ bare: true }), cell({})] };
    case "large": return {
      columns: "2fr 1fr", rows: "1fr 1fr 1fr",
      cells: [cell({ area: "1 / 1 / 4 / 2" }), ...["axial", "coronal", "sagittal"].map((name_) => cell({ plane: name_, side: true }))],
    };
    case "quad": return {
      columns: "1fr 1fr", rows: "1fr 1fr",
      cells: [cell({ plane: "axial" }), cell({ plane: "sagittal" }), cell({ plane: "coronal" }), cell({ plane: "coronal", thick: true })],
    };
    case "tiles": return tiles(panes);
    case "fusion": return { columns: "1fr", rows: "1fr", cells: [{ pane: 0, plane: panes[0].geometry.main, bare: false, fusion: true }] };
    default: return { columns: "1fr", rows: "1fr", cells: [cell({})] };
  }
}

function tiles(panes) {
  const columns = panes.length <= 3 ? panes.length : Math.ceil(Math.sqrt(panes.length));
  return {
    columns: `repeat(${columns}, 1fr)`,
    rows: `repeat(${Math.ceil(panes.length / columns)}, 1fr)`,
    cells: panes.map((pane, number) => ({ pane: number, plane: pane.geometry.main, bare: false })),
  };
}
