// Puts the interactive figure in the place of the static one. Where anything fails, the static one stays.
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

  const figure = JSON.parse(await unpacked("figure-packed"));
  const script = document.createElement("script");
  script.textContent = await unpacked("plotly-packed");
  document.head.append(script);

  const place = document.getElementById("interactive");
  place.hidden = false;
  const buttons = [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]];
  const options = { responsive: true, displaylogo: false, modeBarButtons: buttons };
  try {
    await Plotly.newPlot(place, figure.data, figure.layout, options);
    document.getElementById("static").classList.add("print-only");
    place.classList.add("screen-only");
  } catch (error) {
    place.hidden = true;
    throw error;
  }
})();
