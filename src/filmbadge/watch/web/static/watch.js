// Follows a survey that runs. Without this script the page asks again by itself (meta refresh).
const box = document.querySelector("[data-live]");
if (box && window.EventSource) {
  const source = new EventSource(box.dataset.live);
  source.onmessage = (event) => {
    const state = JSON.parse(event.data);
    if (state.state !== box.dataset.state) { location.reload(); return; }
    box.querySelector("progress").value = state.hosts_done;
    box.querySelector("progress").max = state.hosts || 1;
    box.querySelector(".lines").replaceChildren(...state.lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
  };
}
