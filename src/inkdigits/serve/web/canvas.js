/** The drawing: strokes of mouse, finger or pen, kept as points so that they can be undone and inverted. */

const SIDE = 560;
const PEN = 0.058;
const PAUSE = 200;
const DOT = 0.01; // a line of no length isn't drawn everywhere, and a point is a stroke too

/** A drawing on a canvas; `onChange` is called a moment after the last change to it. */
export class Drawing {
  constructor(canvas, { onChange }) {
    this.canvas = canvas;
    this.onChange = onChange;
    this.strokes = [];
    this.cleared = [];
    this.inverted = false;
    this.stroke = null;
    canvas.width = canvas.height = SIDE;
    this.context = canvas.getContext("2d");
    this.context.lineCap = this.context.lineJoin = "round";
    this.listen();
    this.redraw();
  }

  get isBlank() {
    return this.strokes.length === 0;
  }

  get canUndo() {
    return this.strokes.length + this.cleared.length > 0;
  }

  /** Takes the last stroke back, or the clearing. */
  undo() {
    if (this.isBlank) [this.strokes, this.cleared] = [this.cleared, []];
    else this.strokes = this.strokes.slice(0, -1);
    this.redraw();
    this.changed();
  }

  /** Wipes the paper; what was on it can be had back by undo. */
  clear() {
    if (this.isBlank) return;
    [this.cleared, this.strokes] = [this.strokes, []];
    this.redraw();
    this.changed();
  }

  /** White ink on black, or black on white. */
  invert(inverted) {
    this.inverted = inverted;
    this.redraw();
    this.changed();
  }

  /** The picture as a PNG file. */
  async png() {
    return new Promise((done) => this.canvas.toBlob(done, "image/png"));
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.goOn(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.end(event));
    }
  }

  begin(event) {
    if (this.stroke || event.button !== 0) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    clearTimeout(this.timer);
    this.pointer = event.pointerId;
    this.stroke = [this.point(event)];
    this.strokes = [...this.strokes, this.stroke];
    this.drawFrom(this.stroke, 0);
  }

  goOn(event) {
    if (!this.stroke || event.pointerId !== this.pointer) return;
    const from = this.stroke.length;
    const all = event.getCoalescedEvents?.() ?? [];
    this.stroke.push(...(all.length ? all : [event]).map((each) => this.point(each)));
    this.drawFrom(this.stroke, from);
  }

  end(event) {
    if (!this.stroke || event.pointerId !== this.pointer) return;
    this.stroke = null;
    this.changed();
  }

  changed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.onChange, PAUSE);
  }

  /** Where a pointer is, in canvas pixels, and how wide its line is there: only pens feel pressure. */
  point(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - left) / width) * SIDE;
    const y = ((event.clientY - top) / height) * SIDE;
    const pressure = event.pointerType === "pen" && event.pressure > 0 ? 0.5 + event.pressure : 1;
    return { x, y, width: PEN * SIDE * pressure };
  }

  redraw() {
    const { context } = this;
    context.fillStyle = this.inverted ? "#000" : "#fff";
    context.fillRect(0, 0, SIDE, SIDE);
    for (const stroke of this.strokes) this.drawFrom(stroke, 0);
  }

  /** Draws the part of a stroke from one of its points on, as curves from middle to middle of its lines. */
  drawFrom(stroke, from) {
    this.context.strokeStyle = this.inverted ? "#fff" : "#000";
    for (let at = from; at < stroke.length; at++) {
      const [earlier, turn] = [stroke[Math.max(0, at - 2)], stroke[Math.max(0, at - 1)]];
      this.drawCurve(middle(earlier, turn), turn, middle(turn, stroke[at]));
    }
    const [turn, last] = [stroke.at(-2) ?? stroke.at(-1), stroke.at(-1)];
    this.drawCurve(middle(turn, last), last, { x: last.x + DOT, y: last.y });
  }

  drawCurve(start, turn, end) {
    const { context } = this;
    context.lineWidth = turn.width;
    context.beginPath();
    context.moveTo(start.x, start.y);
    context.quadraticCurveTo(turn.x, turn.y, end.x, end.y);
    context.stroke();
  }
}

function middle(one, other) {
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
}
