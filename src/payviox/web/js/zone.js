// Tells the server in which zone this reader's times are.
import { sayZone } from "./zone_cookie.js";

sayZone();
