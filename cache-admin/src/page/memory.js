// The use of memory: the hit rate of larger capacities, advice, and the memory of each function.
const memory = { at: 0 };

async function measure(at) {
  memory.at = at;
  try {
    const response = await fetch(base + "/sizing", { headers: key ? { "x-cache-admin-key": key } : {} });
    if (!response.ok) throw new Error("status " + response.status);
    fill(await response.json());
  } catch (error) {
    byId("memory-state").textContent = "the use of memory is unknown: " + error.message;
  }
}

function fill(sizing) {
  const { capacity, hit_rate, hit_rate_at_2x, hit_rate_at_4x } = sizing;
  byId("memory-state").textContent = number(sizing.entries) + " entries in " + bytes(sizing.bytes) + "; memory answers "
    + percent(hit_rate) + " of the look-ups with " + bytes(capacity) + ", and would answer about " + percent(hit_rate_at_2x) + " with "
    + bytes(2 * capacity) + ", " + percent(hit_rate_at_4x) + " with " + bytes(4 * capacity);
  byId("memory-advice").replaceChildren(...sizing.advice.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
  const titles = ["function", "entries", "memory", "of the capacity", "evicted", "answered by memory"];
  byId("memory-rows").replaceChildren(...sizing.functions.filter((of) => of.entries).map((of) => {
    const row = document.createElement("tr");
    const texts = [of.name, number(of.entries), bytes(of.bytes), percent(of.bytes / capacity), number(of.evictions), percent(of.memory_hit_rate)];
    row.append(...texts.map((text, place) => {
      const cell = document.createElement("td");
      cell.dataset.title = titles[place];
      cell.append(...breakable(text));
      return cell;
    }));
    return row;
  }));
}
