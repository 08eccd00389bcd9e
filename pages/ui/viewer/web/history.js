// Undo and redo: every finished action is a pair of functions.
const MOST = 100;

export class History {
  constructor() { this.clear(); }
  clear() { this.done = []; this.undone = []; }

  /** Remember an action that has been done already. */
  push(undo, redo) {
    this.done.push({ undo, redo });
    if (this.done.length > MOST) this.done.shift();
    this.undone = [];
  }

  undo() {
    const action = this.done.pop();
    if (!action) return false;
    action.undo();
    this.undone.push(action);
    return true;
  }

  redo() {
    const action = this.undone.pop();
    if (!action) return false;
    action.redo();
    this.done.push(action);
    return true;
  }
}
