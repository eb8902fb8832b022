// Routes: paths with values, and handlers that get these with their types.
namespace FunctionalWs.FSharp

open System
open System.Threading.Tasks
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Routing

/// <summary>
/// Rules of a server with several paths, for <c>WebSocket.route</c>: <c>Route.get("/driver/{id:int}", fun connection (id: int) -> …)</c>.
/// A handler gets up to four values, each with its type: those of the rule's host come first, then those of the path, then its
/// defaults. What a path or a handler's types are is checked here; a converter that a path names, and the library has not, may be one of
/// <c>UrlMapOptions.Converters</c>, and is looked for when the map is made. Functions that change a rule take it last.
/// </summary>
[<AbstractClass; Sealed>]
type Route =

    // ---- Handlers

    /// <summary>A rule whose handler takes no values of the path.</summary>
    /// <param name="pattern">The paths, such as <c>/driver/{id:int}</c> or <c>/driver/&lt;int:id&gt;</c>; they begin with a slash.</param>
    /// <param name="handler">Called for each connection, as the handler of a server; or one of <c>Messages</c>.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read.</exception>
    static member get(pattern: string, handler: ServerConnection -> unit) : Rule =
        RouteTypes.check pattern
        Rule(pattern, Delegates.ofHandler handler)

    /// <summary>A rule whose handler takes one value.</summary>
    /// <param name="pattern">The paths, such as <c>/driver/{id:int}</c> or <c>/driver/&lt;int:id&gt;</c>; they begin with a slash.</param>
    /// <param name="handler">Called for each connection, as the handler of a server.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read, or the handler takes other values than it has.</exception>
    static member get(pattern: string, handler: ServerConnection -> 'A -> unit) : Rule =
        RouteValue.rule pattern [ typeof<'A> ] (fun connection values ->
            handler connection (RouteValue.get 0 values))

    /// <summary>A rule whose handler takes two values.</summary>
    /// <param name="pattern">The paths, such as <c>/driver/{id:int}</c> or <c>/driver/&lt;int:id&gt;</c>; they begin with a slash.</param>
    /// <param name="handler">Called for each connection, as the handler of a server.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read, or the handler takes other values than it has.</exception>
    static member get(pattern: string, handler: ServerConnection -> 'A -> 'B -> unit) : Rule =
        RouteValue.rule pattern [ typeof<'A>; typeof<'B> ] (fun connection values ->
            handler connection (RouteValue.get 0 values) (RouteValue.get 1 values))

    /// <summary>A rule whose handler takes three values.</summary>
    /// <param name="pattern">The paths, such as <c>/driver/{id:int}</c> or <c>/driver/&lt;int:id&gt;</c>; they begin with a slash.</param>
    /// <param name="handler">Called for each connection, as the handler of a server.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read, or the handler takes other values than it has.</exception>
    static member get(pattern: string, handler: ServerConnection -> 'A -> 'B -> 'C -> unit) : Rule =
        RouteValue.rule pattern [ typeof<'A>; typeof<'B>; typeof<'C> ] (fun connection values ->
            handler connection (RouteValue.get 0 values) (RouteValue.get 1 values) (RouteValue.get 2 values))

    /// <summary>A rule whose handler takes four values.</summary>
    /// <param name="pattern">The paths, such as <c>/driver/{id:int}</c> or <c>/driver/&lt;int:id&gt;</c>; they begin with a slash.</param>
    /// <param name="handler">Called for each connection, as the handler of a server.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read, or the handler takes other values than it has.</exception>
    static member get(pattern: string, handler: ServerConnection -> 'A -> 'B -> 'C -> 'D -> unit) : Rule =
        RouteValue.rule pattern [ typeof<'A>; typeof<'B>; typeof<'C>; typeof<'D> ] (fun connection values ->
            handler
                connection
                (RouteValue.get 0 values)
                (RouteValue.get 1 values)
                (RouteValue.get 2 values)
                (RouteValue.get 3 values))

    /// <summary>A rule whose handler takes no values of the path and is asynchronous.</summary>
    /// <param name="pattern">The paths, such as <c>/driver/{id:int}</c> or <c>/driver/&lt;int:id&gt;</c>; they begin with a slash.</param>
    /// <param name="handler">Called for each connection, whose thread waits for the task.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read.</exception>
    static member get(pattern: string, handler: ServerConnection -> Task<unit>) : Rule =
        Route.get (pattern, Handler.ofTask handler)

    /// <summary>A rule whose handler takes one value and is asynchronous.</summary>
    /// <param name="pattern">The paths, such as <c>/driver/{id:int}</c> or <c>/driver/&lt;int:id&gt;</c>; they begin with a slash.</param>
    /// <param name="handler">Called for each connection, whose thread waits for the task.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read, or the handler takes other values than it has.</exception>
    static member get(pattern: string, handler: ServerConnection -> 'A -> Task<unit>) : Rule =
        Route.get (
            pattern,
            fun connection (a: 'A) -> Handler.ofTask (fun connection -> handler connection a) connection
        )

    /// <summary>A rule whose handler takes two values and is asynchronous.</summary>
    /// <param name="pattern">The paths, such as <c>/driver/{id:int}</c> or <c>/driver/&lt;int:id&gt;</c>; they begin with a slash.</param>
    /// <param name="handler">Called for each connection, whose thread waits for the task.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read, or the handler takes other values than it has.</exception>
    static member get(pattern: string, handler: ServerConnection -> 'A -> 'B -> Task<unit>) : Rule =
        Route.get (
            pattern,
            fun connection (a: 'A) (b: 'B) ->
                Handler.ofTask (fun connection -> handler connection a b) connection
        )

    /// <summary>A rule whose handler takes three values and is asynchronous.</summary>
    /// <param name="pattern">The paths, such as <c>/driver/{id:int}</c> or <c>/driver/&lt;int:id&gt;</c>; they begin with a slash.</param>
    /// <param name="handler">Called for each connection, whose thread waits for the task.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read, or the handler takes other values than it has.</exception>
    static member get(pattern: string, handler: ServerConnection -> 'A -> 'B -> 'C -> Task<unit>) : Rule =
        Route.get (
            pattern,
            fun connection (a: 'A) (b: 'B) (c: 'C) ->
                Handler.ofTask (fun connection -> handler connection a b c) connection
        )

    /// <summary>A rule whose handler takes four values and is asynchronous.</summary>
    /// <param name="pattern">The paths, such as <c>/driver/{id:int}</c> or <c>/driver/&lt;int:id&gt;</c>; they begin with a slash.</param>
    /// <param name="handler">Called for each connection, whose thread waits for the task.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read, or the handler takes other values than it has.</exception>
    static member get
        (pattern: string, handler: ServerConnection -> 'A -> 'B -> 'C -> 'D -> Task<unit>)
        : Rule =
        Route.get (
            pattern,
            fun connection (a: 'A) (b: 'B) (c: 'C) (d: 'D) ->
                Handler.ofTask (fun connection -> handler connection a b c d) connection
        )

    // ---- Paths

    /// <summary>
    /// Makes a function that builds the paths of a pattern, percent-encoded, of one value: <c>let driver = Route.url&lt;int> "/driver/{id:int}"</c>.
    /// A value that doesn't suit the pattern is a <c>UrlBuildException</c>. For queries and whole URLs there is <c>UrlMap.Build</c>.
    /// </summary>
    /// <param name="pattern">The paths, with converters of the library's own.</param>
    /// <exception cref="T:System.ArgumentException">The pattern can't be read, or has other values than the function takes.</exception>
    static member url<'A>(pattern: string) : 'A -> string =
        let build = RouteValue.builder pattern [ typeof<'A> ]
        fun a -> build [ box a ]

    /// <summary>Makes a function that builds the paths of a pattern of two values.</summary>
    /// <param name="pattern">The paths, with converters of the library's own.</param>
    /// <exception cref="T:System.ArgumentException">The pattern can't be read, or has other values than the function takes.</exception>
    static member url<'A, 'B>(pattern: string) : 'A -> 'B -> string =
        let build = RouteValue.builder pattern [ typeof<'A>; typeof<'B> ]
        fun a b -> build [ box a; box b ]

    /// <summary>Makes a function that builds the paths of a pattern of three values.</summary>
    /// <param name="pattern">The paths, with converters of the library's own.</param>
    /// <exception cref="T:System.ArgumentException">The pattern can't be read, or has other values than the function takes.</exception>
    static member url<'A, 'B, 'C>(pattern: string) : 'A -> 'B -> 'C -> string =
        let build = RouteValue.builder pattern [ typeof<'A>; typeof<'B>; typeof<'C> ]
        fun a b c -> build [ box a; box b; box c ]

    /// <summary>Makes a function that builds the paths of a pattern of four values.</summary>
    /// <param name="pattern">The paths, with converters of the library's own.</param>
    /// <exception cref="T:System.ArgumentException">The pattern can't be read, or has other values than the function takes.</exception>
    static member url<'A, 'B, 'C, 'D>(pattern: string) : 'A -> 'B -> 'C -> 'D -> string =
        let build =
            RouteValue.builder pattern [ typeof<'A>; typeof<'B>; typeof<'C>; typeof<'D> ]

        fun a b c d -> build [ box a; box b; box c; box d ]

    // ---- Other rules, and changes of rules

    /// <summary>A rule with a handler that finds the path's values by their names.</summary>
    /// <param name="pattern">The paths, such as <c>/driver/{id:int}</c>; they begin with a slash.</param>
    /// <param name="handler">Called for each connection with the values of the path and the defaults.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read.</exception>
    static member withValues (pattern: string) (handler: ServerConnection -> RouteValues -> unit) : Rule =
        RouteTypes.check pattern

        Rule(
            pattern,
            Action<ServerConnection, RouteValues>(fun connection values -> handler connection values)
        )

    /// <summary>A rule that redirects.</summary>
    /// <param name="pattern">The paths.</param>
    /// <param name="target">A path or a URL, in which <c>{name}</c> is a value of the path.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read.</exception>
    static member redirect (pattern: string) (target: string) : Rule =
        RouteTypes.check pattern
        Rule.Redirect(pattern, target)

    /// <summary>A rule that redirects to where a function says.</summary>
    /// <param name="pattern">The paths.</param>
    /// <param name="target">
    /// Gives a path or a URL; called by many threads at once. Don't begin a URL with a value: a client would choose where to go.
    /// </param>
    /// <exception cref="T:System.ArgumentException">The path can't be read.</exception>
    static member redirectBy (pattern: string) (target: RouteValues -> string) : Rule =
        RouteTypes.check pattern
        Rule.Redirect(pattern, Func<RouteValues, string> target)

    /// <summary>A rule that matches nothing and only builds URLs, by <c>UrlMap.Build</c>.</summary>
    /// <param name="pattern">The paths.</param>
    /// <param name="endpoint">The name by which URLs are built.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be read.</exception>
    static member buildOnly (pattern: string) (endpoint: string) : Rule =
        RouteTypes.check pattern
        Rule.BuildOnly(pattern, endpoint)

    /// <summary>The rules under a path of their own.</summary>
    /// <param name="prefix">What all paths begin with: it begins with a slash.</param>
    /// <param name="rules">The rules, with paths below the prefix.</param>
    /// <exception cref="T:System.ArgumentException">The prefix doesn't begin with a slash.</exception>
    static member mount (prefix: string) (rules: Rule seq) : Rule list =
        Rule.Mount(prefix, Array.ofSeq rules) |> List.ofSeq

    /// <summary>The rules on a subdomain of <c>RouterOptions.ServerName</c>.</summary>
    /// <param name="subdomain">Such as <c>api</c> or <c>&lt;tenant&gt;</c>.</param>
    /// <param name="rules">The rules.</param>
    static member onSubdomain (subdomain: string) (rules: Rule seq) : Rule list =
        Rule.OnSubdomain(subdomain, Array.ofSeq rules) |> List.ofSeq

    /// <summary>Gives a rule a name by which URLs are built; its pattern is one until then.</summary>
    /// <param name="name">The name; several rules may share one.</param>
    /// <param name="rule">The rule.</param>
    static member endpoint (name: string) (rule: Rule) : Rule = RuleCopy.Endpoint(rule, name)

    /// <summary>The host on which a rule is to be had; all hosts until then.</summary>
    /// <param name="host">Such as <c>example.com</c> or <c>&lt;tenant&gt;.example.com</c>.</param>
    /// <param name="rule">The rule.</param>
    static member host (host: string) (rule: Rule) : Rule = RuleCopy.Host(rule, host)

    /// <summary>The subdomain of <c>RouterOptions.ServerName</c> on which a rule is to be had; all hosts until then.</summary>
    /// <param name="subdomain">Such as <c>api</c> or <c>&lt;tenant&gt;</c>; empty for the server's name itself.</param>
    /// <param name="rule">The rule.</param>
    static member subdomain (subdomain: string) (rule: Rule) : Rule = RuleCopy.Subdomain(rule, subdomain)

    /// <summary>Fixed values for a rule's handler, behind those of the path.</summary>
    /// <param name="values">Names and values.</param>
    /// <param name="rule">The rule.</param>
    static member defaults (values: (string * obj) list) (rule: Rule) : Rule =
        RuleCopy.Defaults(rule, readOnlyDict values)

    /// <summary>Whether a slash at the end matters.</summary>
    /// <param name="isStrict">True when it does; <c>None</c>, the default, for what the map says.</param>
    /// <param name="rule">The rule.</param>
    static member strictSlashes (isStrict: bool option) (rule: Rule) : Rule =
        RuleCopy.StrictSlashes(rule, Option.toNullable isStrict)

    /// <summary>Whether repeated slashes count as one.</summary>
    /// <param name="areMerged">True when they do; <c>None</c>, the default, for what the map says.</param>
    /// <param name="rule">The rule.</param>
    static member mergeSlashes (areMerged: bool option) (rule: Rule) : Rule =
        RuleCopy.MergeSlashes(rule, Option.toNullable areMerged)

    /// <summary>Who may come by a rule: a hook that is asked when the rule is chosen, after the server's own.</summary>
    /// <param name="hook">The hook, such as <c>Auth.basicUsers "members" users</c>.</param>
    /// <param name="rule">The rule.</param>
    static member processRequest (hook: RequestHook) (rule: Rule) : Rule =
        RuleCopy.ProcessRequest(rule, Hook.toDelegate hook)

    /// <summary>
    /// Who may come by a rule, by the value of its path: <c>Route.get("/room/{name}", enter) |> Route.guard (fun connection request (name:
    /// string) -> …)</c>. The hook is asked after those that the rule has already.
    /// </summary>
    /// <param name="hook">Gives a response that refuses, or <c>None</c> to go on. What it throws is answered with 500.</param>
    /// <returns>A function that puts the hook to a rule: an <c>ArgumentException</c> when it takes other values than the path has.</returns>
    static member guard(hook: ServerConnection -> Request -> 'A -> Response option) : Rule -> Rule =
        RouteValue.guard [ typeof<'A> ] (fun connection request values ->
            hook connection request (unbox values[0]))

    /// <summary>Who may come by a rule, by two values of its path, as with one.</summary>
    /// <param name="hook">Gives a response that refuses, or <c>None</c> to go on. What it throws is answered with 500.</param>
    /// <returns>A function that puts the hook to a rule: an <c>ArgumentException</c> when it takes other values than the path has.</returns>
    static member guard(hook: ServerConnection -> Request -> 'A -> 'B -> Response option) : Rule -> Rule =
        RouteValue.guard [ typeof<'A>; typeof<'B> ] (fun connection request values ->
            hook connection request (unbox values[0]) (unbox values[1]))

    /// <summary>Who may come by a rule, by three values of its path, as with one.</summary>
    /// <param name="hook">Gives a response that refuses, or <c>None</c> to go on. What it throws is answered with 500.</param>
    /// <returns>A function that puts the hook to a rule: an <c>ArgumentException</c> when it takes other values than the path has.</returns>
    static member guard
        (hook: ServerConnection -> Request -> 'A -> 'B -> 'C -> Response option)
        : Rule -> Rule =
        RouteValue.guard [ typeof<'A>; typeof<'B>; typeof<'C> ] (fun connection request values ->
            hook connection request (unbox values[0]) (unbox values[1]) (unbox values[2]))

    /// <summary>Who may come by a rule, by four values of its path, as with one.</summary>
    /// <param name="hook">Gives a response that refuses, or <c>None</c> to go on. What it throws is answered with 500.</param>
    /// <returns>A function that puts the hook to a rule: an <c>ArgumentException</c> when it takes other values than the path has.</returns>
    static member guard
        (hook: ServerConnection -> Request -> 'A -> 'B -> 'C -> 'D -> Response option)
        : Rule -> Rule =
        RouteValue.guard [ typeof<'A>; typeof<'B>; typeof<'C>; typeof<'D> ] (fun connection request values ->
            hook connection request (unbox values[0]) (unbox values[1]) (unbox values[2]) (unbox values[3]))

    /// <summary>The origins that may connect by a rule, in place of the server's.</summary>
    /// <param name="allowed">The origins; <c>None</c>, the default, for what the server's options say.</param>
    /// <param name="rule">The rule.</param>
    static member origins (allowed: Origin list option) (rule: Rule) : Rule =
        let origins =
            allowed
            |> Option.map (fun allowed -> allowed :> System.Collections.Generic.IReadOnlyList<Origin>)

        RuleCopy.Origins(rule, Option.toObj origins)

    /// <summary>The size of a message that is received by a rule.</summary>
    /// <param name="bytes">0 or more; <c>None</c>, the default, for what the server's options say.</param>
    /// <param name="rule">The rule.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">It is negative, or more than an array can have.</exception>
    static member maxMessageSize (bytes: int option) (rule: Rule) : Rule =
        RuleCopy.MaxMessageSize(rule, Option.toNullable bytes)

    /// <summary>Makes a rule redirect to the first other rule of its endpoint that takes the values.</summary>
    /// <param name="rule">The rule.</param>
    static member alias(rule: Rule) : Rule = RuleCopy.IsAlias(rule, true)
