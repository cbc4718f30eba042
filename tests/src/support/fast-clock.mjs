/** Imported before anything else: this process's clock is ten minutes fast. */
const AHEAD_MS = 600_000;
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [RealDate.now() + AHEAD_MS] : parts));
  }

  static now() {
    return RealDate.now() + AHEAD_MS;
  }
};
