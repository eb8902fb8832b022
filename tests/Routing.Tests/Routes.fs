/// Tables, requests and what they lead to, in short form.
module FunctionalWs.Routing.Tests.Routes

open System.Collections.Generic
open FunctionalWs.Protocol
open FunctionalWs.Routing

let pattern (text: string) : RoutePattern =
    match RoutePattern.parse text with
    | Ok pattern -> pattern
    | Error error -> failwith $"{error}"

/// A rule whose endpoint has the name of its text.
let rule (text: string) : RouteRule = RouteRule.Create(text, pattern text)

let host (text: string) : RoutePattern =
    match RoutePattern.parseHost (Dictionary<string, RouteConverter>()) text with
    | Ok pattern -> pattern
    | Error error -> failwith $"{error}"

let values (pairs: (string * obj) list) : RouteValues =
    RouteValues.Create(pairs |> List.map (fun (name, value) -> KeyValuePair(name, value)))

let ofRules (rules: RouteRule list) : RouteTable =
    match RouteTable.create true rules with
    | Ok table -> table
    | Error error -> failwith $"{error}"

let table (texts: string list) : RouteTable = ofRules (List.map rule texts)

let plain: RouteBase = { ServerName = null; IsSecure = false }

let named (server: string) : RouteBase = {
    ServerName = server
    IsSecure = false
}

let request (host: string) (target: string) : Request = {
    Method = "GET"
    Target = target
    Version = "HTTP/1.1"
    Headers = Headers.Empty.Add("Host", host)
}

/// What a target leads to, on example.com.
let find (table: RouteTable) (target: string) : RouteMatch =
    table.Match(plain, request "example.com" target)

/// The same in a line: the rule and its values, a location, or a status.
let describe (found: RouteMatch) : string =
    match found with
    | RouteMatch.Matched(endpoint, _, values) when values.Count = 0 -> endpoint
    | RouteMatch.Matched(endpoint, _, values) -> endpoint + " " + values.ToString()
    | RouteMatch.Redirect location -> "-> " + location
    | RouteMatch.NotFound -> "404"
    | RouteMatch.MethodNotAllowed allow -> "405 " + allow
    | RouteMatch.BadRequest _ -> "400"

let answer (table: RouteTable) (target: string) : string = describe (find table target)
