const find = (id) => document.getElementById(id);

function tell(id, state, text) {
  find(id).dataset.state = state;
  find(id).textContent = text;
}

// --- Ticker: EventSource reconnects by itself and says which event it saw last. ---

const prices = [];
let seen = 0;

function draw() {
  const low = Math.min(...prices), high = Math.max(...prices);
  const span = Math.max(high - low, 0.5);
  const step = 600 / Math.max(prices.length - 1, 1);
  const points = prices.map((price, i) => `${(i * step).toFixed(1)},${(170 - 160 * (price - low) / span).toFixed(1)}`);
  find("line").setAttribute("d", `M${points.join("L")}`);
  find("area").setAttribute("d", `M0,180L${points.join("L")}L600,180Z`);
  find("now").setAttribute("d", `M${points.at(-1)}h0`); // a line of no length, with round ends
  find("low").textContent = `lowest ${low.toFixed(2)}`;
  find("high").textContent = `highest ${high.toFixed(2)}`;
}

const source = new EventSource(document.body.dataset.prices);
source.addEventListener("open", () => tell("ticker-state", "on", "live"));
source.addEventListener("error", () => tell("ticker-state", "off", "reconnecting"));
source.addEventListener("price", (event) => {
  const { number, price } = JSON.parse(event.data);
  if (number < seen) prices.length = 0; // the server has started anew
  seen = number;
  const before = prices.at(-1) ?? price;
  prices.push(price);
  if (prices.length > 60) prices.shift();
  const change = price - before;
  find("price").textContent = price.toFixed(2);
  find("price").dataset.number = number;
  find("change").textContent = `${change < 0 ? "▼" : "▲"} ${Math.abs(change).toFixed(2)}`;
  find("change").dataset.way = change < 0 ? "down" : "up";
  draw();
});

// --- Chat: a WebSocket is reconnected by us, a little later each time. ---

const form = find("say");
const button = form.querySelector("button");
const list = find("messages");
let socket;
let wait = 500;
let follows = true; // until somebody scrolls up to read what was said before

function follow() {
  if (follows) list.scrollTop = list.scrollHeight;
}

list.addEventListener("scroll", () => {
  follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
});
new ResizeObserver(follow).observe(list);

function show({ name, text, at }) {
  const item = document.createElement("li");
  const who = document.createElement("span");
  const bold = document.createElement("b");
  who.className = "who";
  bold.textContent = name;
  who.append(bold, ` ${new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`);
  item.append(who, text); // as text: what people write is never markup
  item.classList.toggle("mine", name === form.elements.speaker.value.trim());
  list.append(item);
  follow();
}

function connect() {
  socket = new WebSocket(new URL(document.body.dataset.room, location.href.replace(/^http/, "ws")));
  socket.addEventListener("open", () => {
    wait = 500;
    list.replaceChildren();
    follows = true;
    button.disabled = false;
  });
  socket.addEventListener("message", (event) => {
    const message = JSON.parse(event.data);
    if (message.kind === "people") tell("chat-state", "on", message.people === 1 ? "you are alone" : `${message.people} people`);
    else show(message);
  });
  socket.addEventListener("close", () => {
    button.disabled = true;
    tell("chat-state", "off", "reconnecting");
    setTimeout(connect, wait);
    wait = Math.min(wait * 2, 10000);
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { speaker, message } = form.elements;
  sessionStorage.setItem("speaker", speaker.value);
  follows = true;
  socket.send(JSON.stringify({ name: speaker.value, text: message.value }));
  message.value = "";
  message.focus();
});

form.elements.speaker.value = sessionStorage.getItem("speaker") ?? "";
button.disabled = true;
connect();
