/** A pair for examples: it signed itself, for web.example, and its key is known to everybody. */
export const EXAMPLE_CERTIFICATE = [
  "-----BEGIN CERTIFICATE-----",
  "MIIBtjCCAVugAwIBAgIQHUwmhRsgtfXePGEkYFU6JTAKBggqhkjOPQQDAjAWMRQw",
  "EgYDVQQDDAt3ZWIuZXhhbXBsZTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAw",
  "MDAwMFowFjEUMBIGA1UEAwwLd2ViLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjO",
  "PQMBBwNCAARJ6bSDr2z2WnkOqPM1dFuyXf+/5yDzW80Kv2261ZyUudwhJMoe8EFU",
  "qqndAUStYZFpWUWhZqJHdB1Gb604iNrgo4GIMIGFMCcGA1UdEQQgMB6CC3dlYi5l",
  "eGFtcGxlgg93d3cud2ViLmV4YW1wbGUwDAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8E",
  "BAMCB4AwHQYDVR0lBBYwFAYIKwYBBQUHAwEGCCsGAQUFBwMCMB0GA1UdDgQWBBTA",
  "w6waxrimtrFq0hYHU32YvnYj5jAKBggqhkjOPQQDAgNJADBGAiEAnSYiNYruw+Wq",
  "CbPuUlowjC1eWn6dOHSv+Q3PMptsVv0CIQDDXwr5km63o4FlOE6ZU8g/5N68vDpo",
  "fzQorxj/9IjNmw==",
  "-----END CERTIFICATE-----",
  "",
].join("\n");
export const EXAMPLE_KEY = [
  "-----BEGIN PRIVATE KEY-----",
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgz9nc+OLNrF1/fXv5",
  "wFv0sl6idR/2iygYdFcpeefhVYKhRANCAARJ6bSDr2z2WnkOqPM1dFuyXf+/5yDz",
  "W80Kv2261ZyUudwhJMoe8EFUqqndAUStYZFpWUWhZqJHdB1Gb604iNrg",
  "-----END PRIVATE KEY-----",
  "",
].join("\n");
