// The one live socket of a page. States come in, calls go out; nothing that moves the vehicle is ever kept for later.
const WAITS_MS = [200, 500, 1000, 2000, 5000];
const PING_MS = 20000; // so old is what is known of the gateway's clock, at most: clocks drift apart by a millisecond
const ROUND_TRIP_MS = 300; // a pong that took longer says too little
const CALL_LIMIT_MS = 35000; // the longest a board may take, and the way back

class Live extends EventTarget {
  constructor() {
    super();
    this.states = new Map();
    this.wanted = new Set();
    this.listeners = new Map();
    this.calls = new Map();
    this.hands = new Map();
    this.events = new Set();
    this.attempt = 0;
    this.nextCall = 1;
    this.seq = null;
    this.lostAt = null;
    this.isOpen = false;
    this.asked = false;
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = (this.socket = new WebSocket(`${scheme}://${location.host}/api/v1/live`));
    socket.addEventListener("open", () => {
      this.attempt = 0;
      this.isOpen = true;
      this.lostAt = null;
      if (this.wanted.size) this.#send({ subscribe: { entities: [...this.wanted] } });
      if (this.events.size) this.#send({ subscribe: { events: [...this.events] } });
      this.clock = null;
      this.#ping();
      this.dispatchEvent(new Event("change"));
    });
    socket.addEventListener("message", (message) => this.#take(JSON.parse(message.data)));
    socket.addEventListener("close", (event) => this.#lost(event));
  }

  // Calls `listener(state)` now, if the state is known, and at every change.
  watch(entity, listener) {
    if (!this.listeners.has(entity)) this.listeners.set(entity, new Set());
    this.listeners.get(entity).add(listener);
    if (this.states.has(entity)) listener(this.states.get(entity));
    if (!this.wanted.has(entity)) {
      this.wanted.add(entity);
      this.#subscribeSoon(entity);
    }
    return () => this.listeners.get(entity)?.delete(listener);
  }

  watchEvents(pattern) {
    this.events.add(pattern);
    if (this.isOpen) this.#send({ subscribe: { events: [pattern] } });
  }

  call(service, data) {
    if (!this.isOpen) return Promise.resolve({ ok: false, code: "closed", detail: null });
    const id = this.nextCall++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#answer(id, { ok: false, code: "no_answer", detail: null }), CALL_LIMIT_MS);
      this.calls.set(id, { resolve, timer });
      this.#send({ call: { id, service, data } });
    });
  }

  // Lays a hand on an entity: beats follow the gateway's ticks from this thread until the hold is over, or what this gives is called.
  // Calls `onEnd(result)` once: with what was refused, or with `{ok: true, reason}`.
  // `said` is what a person answered before: a word or a PIN.
  hold(entity, onEnd, said = {}) {
    if (!this.isOpen) {
      onEnd({ ok: false, code: "closed", detail: null });
      return null;
    }
    const id = this.nextCall++;
    this.hands.set(id, onEnd);
    this.#send({ hold: { id, entity, tick: this.#tick(), ...said } });
    return () => {
      if (this.hands.has(id) && this.isOpen) this.#send({ release: id });
      this.#over(id, { ok: true, reason: "released" });
    };
  }

  // The gateway's clock as the last quick pong told it, never later than it is: a press that a network holds back is known by it.
  #tick() {
    return this.clock ? Math.floor(this.clock.tick + performance.now() - this.clock.at) : undefined;
  }

  #ping() {
    clearTimeout(this.pinging);
    if (!this.isOpen) return;
    this.pinged = performance.now();
    this.#send({ ping: 0 });
    this.pinging = setTimeout(() => this.#ping(), PING_MS);
  }

  #pong(tick) {
    const at = performance.now();
    if (at - this.pinged <= ROUND_TRIP_MS) this.clock = { tick, at };
  }

  #over(id, result) {
    const onEnd = this.hands.get(id);
    this.hands.delete(id);
    onEnd?.(result);
  }

  #subscribeSoon(entity) {
    this.fresh ??= [];
    this.fresh.push(entity);
    if (this.asked) return;
    this.asked = true;
    queueMicrotask(() => {
      this.asked = false;
      if (this.isOpen) this.#send({ subscribe: { entities: this.fresh } });
      this.fresh = [];
    });
  }

  #send(body) {
    this.socket.send(JSON.stringify(body));
  }

  #take(body) {
    if (body.pong !== undefined) this.#pong(body.tick);
    else if (body.snapshot) this.#states(body.snapshot);
    else if (body.changes) this.#states(body.changes);
    else if (body.tick) for (const id of this.hands.keys()) this.#send({ beat: { id, tick: body.tick } });
    else if (body.released) this.#over(body.released.id, { ok: true, reason: body.released.reason });
    else if (body.result && this.hands.has(body.result.id)) body.result.ok || this.#over(body.result.id, body.result);
    else if (body.result) this.#answer(body.result.id, body.result);
    else if (body.event) this.dispatchEvent(new CustomEvent("event", { detail: body.event }));
  }

  #states({ seq, states }) {
    this.seq = seq;
    for (const fresh of states) {
      const state = { ...this.states.get(fresh.id), ...fresh };
      this.states.set(fresh.id, state);
      for (const listener of this.listeners.get(fresh.id) ?? []) listener(state);
    }
    this.dispatchEvent(new Event("states"));
  }

  #answer(id, result) {
    const call = this.calls.get(id);
    if (!call) return;
    clearTimeout(call.timer);
    this.calls.delete(id);
    call.resolve(result);
  }

  #lost(event) {
    this.isOpen = false;
    this.lostAt ??= Date.now();
    for (const id of [...this.hands.keys()]) this.#over(id, { ok: false, code: "closed", detail: null });
    for (const id of [...this.calls.keys()]) this.#answer(id, { ok: false, code: "no_answer", detail: null });
    this.dispatchEvent(new Event("change"));
    if (event.code === 4401) {
      location.reload(); // the session is over; the server shows the log-in
      return;
    }
    setTimeout(() => this.connect(), WAITS_MS[Math.min(this.attempt++, WAITS_MS.length - 1)]);
  }
}

export const live = new Live();
