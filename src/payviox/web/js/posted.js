// A page that answers a form stands in the history as the page that can be read again: going back to
// it, or loading it anew, sends nothing twice.
history.replaceState(null, "", document.body.dataset.here);
