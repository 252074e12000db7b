/** Programs that fetch pages without showing them, by their agent; none is one too. People come with browsers. */
export const programAgent =
  /^$|python|curl|wget|go-http|java\/|okhttp|libwww|lwp|axios|node-fetch|undici|httpclient|http_request|aiohttp|httpx|scrapy|ruby|perl|php\/|guzzle|powershell|postman|insomnia|headless|phantomjs|mechanize|restsharp|winhttp/i;
