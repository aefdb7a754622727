// A transcript as a sequence diagram: lanes from left to right, time from top to bottom, a row for each thing that happened.
const LINE = 16;
const FONT = "12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace";
const letterWidth = (() => {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return 7.3;
  context.font = FONT;
  return context.measureText("m".repeat(100)).width / 100 || 7.3;
})();

// Rows of the data: [milliseconds, kind, label, text]. What is asked of a codec has no time that means anything.
const recorded = (rows, timed) => rows.map(([at, kind, label, words]) => ({ at: timed ? at : undefined, kind, label: text(label), text: text(words) }));

// Rows of the reference's transcript: script lines, without times.
function ofLines(lines) {
  return lines.map((line) => {
    const [, label, kind, words] = /^([a-z][a-z0-9]*#?|)(@>|@<|[<>!])\s?(.*)$/s.exec(line) || [null, "", "n", line];
    const ends = kind === "<" && /^close\b/.test(words);
    return { kind: ends ? "x" : kind, label, text: words };
  });
}

// What a row says, for readers who do not see the drawing, and for the clipboard.
function asText(rows) {
  return rows.map((row) => {
    const at = row.at === undefined ? "" : `${row.at.toFixed(1).padStart(9)} ms  `;
    const arrow = /^(@?[<>]|!)$/.test(row.kind) ? row.kind : "#";
    const lines = row.text.split("\n").join(`\n${" ".repeat(at.length + 4)}`);
    const verdict = row.expected === undefined ? "" : `\n    expected ${row.expected}\n    came     ${row.came}`;
    return `${at}${row.label}${arrow} ${lines}${verdict}`;
  }).join("\n");
}

// Lines of at most `columns` characters, at most `most` of them.
function wrap(words, columns, most) {
  const lines = [];
  for (const line of words.split("\n")) {
    const characters = [...line];
    do {
      lines.push(characters.splice(0, Math.max(columns, 8)).join(""));
      if (lines.length > most) return [...lines.slice(0, most - 1), `${lines[most - 1].slice(0, -1)}…`];
    } while (characters.length);
  }
  return lines;
}

// Draws `rows` as wide as asked for. `lanes` names client and server; the rows decide whether there is an application.
function diagram(rows, lanes, width, name) {
  const timed = rows.some((row) => row.at !== undefined);
  const withApp = rows.some((row) => row.kind.startsWith("@"));
  const [left, right] = [timed ? 80 : 14, width - 14];
  const x = { client: withApp ? left + (right - left) * 0.4 : left, server: right, app: left };
  const player = lanes.tester === "server" ? x.server : x.client;
  const target = lanes.tester === "server" ? x.client : x.server;
  const channels = [...new Set(rows.map((row) => row.label))].filter(Boolean).sort();
  const parts = [];
  // Where three names do not fit beside each other the middle one stands below the others.
  const below = withApp && (lanes.client.length + lanes.server.length + 14) * letterWidth > right - left ? 15 : 0;
  let y = 44 + below;

  const say = (lines, at, anchor, kind, label) => {
    lines.forEach((line, index) => {
      const chip = index === 0 && label
        ? svg("tspan", { class: `channel ch${channels.indexOf(label) % 6}` }, `${label} `) : null;
      parts.push(svg("text", { x: at, y: y + 11, "text-anchor": anchor, class: kind || null }, chip, line));
      y += LINE;
    });
  };
  const time = (row) => row.at !== undefined
    && parts.push(svg("text", { x: 68, y: y + 4, "text-anchor": "end", class: "time" }, `${row.at.toFixed(1)} ms`));
  const arrow = (from, to, kind) => {
    const back = to > from ? -7 : 7;
    parts.push(svg("path", { class: `arrow ${kind}`, d: `M${from} ${y}H${to}` }));
    parts.push(svg("path", { class: `head ${kind}`, d: `M${to} ${y}l${back} -4v8z` }));
  };
  const columns = (from, to) => Math.floor((Math.abs(to - from) - 20) / letterWidth);

  for (const row of rows) {
    const top = y;
    const bad = row.expected !== undefined;
    if (bad) y += 8;
    const ends = { ">": [x.client, x.server], "<": [x.server, x.client], "@>": [x.app, x.client], "@<": [x.client, x.app] }[row.kind];
    const chars = columns(...(ends || [x.client, x.server])) - (row.label ? row.label.length + 1 : 0);
    const middle = (x.client + x.server) / 2;
    if (ends) {
      say(wrap(row.text, chars, bad ? 14 : 7), Math.min(...ends) + 10, "start", "", row.label);
      y += 2;
      time(row);
      const channel = row.label ? `ch${channels.indexOf(row.label) % 6}` : "";
      arrow(...ends, `${channel} ${bad ? "bad" : ""} ${row.missing ? "missing" : ""}`);
      y += 12;
    } else if ("xX!o".includes(row.kind)) {
      const lane = row.kind === "x" ? target : player;
      const anchor = lane === x.server ? "end" : "start";
      const at = lane + (anchor === "end" ? -12 : 12);
      if ("xX".includes(row.kind)) parts.push(svg("path", { class: `cross${bad ? " bad" : ""}`, d: `M${lane - 5} ${y + 2}l10 10m0-10l-10 10` }));
      else parts.push(svg("circle", { class: "dot", cx: lane, cy: y + 7, r: 3.5 }));
      y += 7;
      time(row);
      y -= 7;
      say(wrap((row.kind === "!" ? "! " : "") + row.text, chars, 4), at, anchor, "event", row.label);
      y += 6;
    } else {
      y += 8;
      time(row);
      y -= 8;
      say(wrap(row.text, chars, bad ? 14 : 4), middle, "middle", "remark", row.label);
      y += 6;
    }
    if (bad) {
      const columnsOfBox = Math.floor((right - x.client - 28) / letterWidth);
      for (const [word, words] of [["expected", row.expected], ["came", row.came]]) {
        say(wrap(`${word.padEnd(8)} ${words}`, columnsOfBox, 8), x.client + 12, "start", `verdict ${word}`);
      }
      y += 6;
      parts.unshift(svg("rect", { class: "blame", x: 2, y: top - 3, width: width - 4, height: y - top, rx: 4 }));
      parts.push(svg("path", { class: "mark", d: `M8 ${top + 1}l8 8m0-8l-8 8` }));
      y += 8;
    }
  }
  const lane = (at, words, anchor) => [
    svg("path", { class: "lane", d: `M${at} ${30 + below}V${y + 4}` }),
    svg("text", { x: at + { start: -8, middle: 0, end: 8 }[anchor], y: anchor === "middle" ? 18 + below : 18, "text-anchor": anchor, class: "name" },
      words.length > (right - left) / 2 / letterWidth ? `${words.slice(0, (right - left) / 2 / letterWidth - 1)}…` : words),
  ];
  const drawn = [
    withApp && lane(x.app, "application", "start"),
    lane(x.client, lanes.client, withApp ? "middle" : "start"),
    lane(x.server, lanes.server, "end"),
  ];
  return svg("svg", { class: "diagram", role: "img", "aria-label": name, width, height: y + 10, viewBox: `0 0 ${width} ${y + 10}` },
    drawn.flat(2).filter(Boolean), parts);
}

// A figure that draws itself as wide as it is, and again when its width changes.
function figure(caption, rows, lanes, name) {
  const canvas = el("div", { class: "canvas" });
  let width = 0;
  new ResizeObserver(() => {
    const now = Math.floor(canvas.clientWidth);
    if (now === width || now < 100) return;
    width = now;
    canvas.replaceChildren(diagram(rows, lanes, width, name));
  }).observe(canvas);
  return el("figure", {}, el("figcaption", {}, caption), canvas,
    el("details", { class: "small" }, el("summary", {}, "As text"), el("pre", { tabindex: "0" }, asText(rows))));
}
