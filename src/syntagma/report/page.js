// Puts each interactive figure in the place of its static one. Where anything fails, the static one stays.
(async () => {
  if (!("DecompressionStream" in window)) return;

  // Base 85 as Python's base64.b85encode writes it, with "," for "<": five characters for four bytes.
  const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";
  const value = new Uint8Array(128);
  for (let i = 0; i < 85; i++) value[alphabet.charCodeAt(i)] = i;
  function bytesOf(text) {
    const bytes = new DataView(new ArrayBuffer((text.length / 5) * 4));
    for (let at = 0, to = 0; at < text.length; at += 5, to += 4) {
      let word = 0;
      for (let i = at; i < at + 5; i++) word = word * 85 + value[text.charCodeAt(i)];
      bytes.setUint32(to, word);
    }
    return bytes.buffer;
  }
  async function unpacked(id) {
    const packed = document.getElementById(id).textContent.trim();
    const [size, text] = packed.split(" ");
    const gzip = bytesOf(text).slice(0, Number(size));
    return new Response(new Blob([gzip]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }

  const figures = JSON.parse(await unpacked("figures-packed"));
  const script = document.createElement("script");
  script.textContent = await unpacked("plotly-packed");
  document.head.append(script);

  const phone = window.matchMedia("(max-width: 40rem)").matches;
  for (const place of document.querySelectorAll(".interactive")) {
    const figure = figures[place.dataset.figure];
    const still = place.previousElementSibling;
    place.hidden = false;
    const options = {
      responsive: true,
      displaylogo: false,
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
      toImageButtonOptions: { format: "png", scale: 3, filename: place.dataset.figure },
    };
    try {
      await Plotly.newPlot(place, figure.data, figure.layout, options);
      if (phone && figure.layout.meta && figure.layout.meta.stacked) await Plotly.relayout(place, figure.layout.meta.stacked);
      still.classList.add("print-only");
      place.classList.add("screen-only");
    } catch (error) {
      place.hidden = true;
      console.error(error);
    }
  }
})();
