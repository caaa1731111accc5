// Saves a text as a file of this name; the browser makes it, nothing is asked of the server.
const saveText = (text, name, mediaType) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: mediaType }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
};
