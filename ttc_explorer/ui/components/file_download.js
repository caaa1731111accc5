// Saves what the server sends as the property "text".
watch("text", () => {
  if (!props.text) return;
  saveText(props.text, props.file_name, props.media_type);
  props.text = "";  // so that the same text can be sent again
});
