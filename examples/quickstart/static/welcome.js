// Shows what this browser really received, by asking for the page's headers once more.
const received = showHeaders();

async function showHeaders() {
  const answer = await fetch(window.location.pathname, { method: "HEAD", cache: "no-store" });
  for (const row of document.querySelectorAll("[data-header]")) {
    const value = answer.headers.get(row.dataset.header);
    const place = row.querySelector(".value");
    place.textContent = value ?? "not sent";
    place.hidden = false;
    row.classList.add(value === null ? "is-off" : "is-on");
  }
}

received.catch((error) => console.warn("The headers could not be read:", error));
