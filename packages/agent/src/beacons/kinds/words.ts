export const NO_JOURNAL = "there is no systemd here to ask, or this agent is confined by --root";
