/// Each option of servers and clients has its function, which sets it and nothing else.
module FunctionalWs.FSharp.Tests.OptionsTests

open System
open System.Collections.Generic
open System.Diagnostics.Metrics
open System.IO
open System.Net
open System.Net.Security
open System.Reflection
open Microsoft.FSharp.Reflection
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.Protocol

let private settable (t: Type) : PropertyInfo list = [
    for property in t.GetProperties() do
        if not (isNull (property.GetSetMethod false)) then
            property
]

let private functions =
    let file = typeof<Arrival>.Assembly
    file.GetType("FunctionalWs.FSharp.Options").GetMethods(BindingFlags.Static ||| BindingFlags.Public)

/// Two properties have the same name and different types.
let private nameOf (t: Type) (property: PropertyInfo) =
    if t = typeof<ClientOptions> && property.Name = "Ssl" then
        "clientSsl"
    else
        string (Char.ToLowerInvariant property.Name[0]) + property.Name.Substring 1

let private functionOf (t: Type) (property: PropertyInfo) : MethodInfo voption =
    functions
    |> Array.tryFind (fun method -> method.Name = nameOf t property && method.GetParameters().Length = 2)
    |> function
        | Some method when method.IsGenericMethodDefinition -> ValueSome(method.MakeGenericMethod t)
        | Some method -> ValueSome method
        | None -> ValueNone

/// Some value of each type that an option has, none of them a default.
let private samples: obj list = [
    TimeSpan.FromSeconds 3.0
    123_456
    123_456_789L
    true
    false
    "sample"
    PerMessageDeflate(Level = 1)
    FlightRecorderOptions(MaxSteps = 7)
    new Abstractions.NullLoggerFactory()
    {
        new IMeterFactory with
            member _.Create _ = failwith "not here"
            member _.Dispose() = ()
    }
    {
        new TimeProvider() with
            member _.ToString() = "another clock"
    }
    [ "sample" ]
    [ "name", "value" ]
    [ Origin.None ]
    [ PerMessageDeflate() :> IServerExtension ]
    [ IPNetwork.Parse "10.0.0.0/8" ]
    ForwardedHeaders.Forwarded
    SlowPeerPolicy.Disconnect
    UnixFileMode.UserRead
    SslServerAuthenticationOptions()
    SslClientAuthenticationOptions()
    {
        Username = "bob"
        Password = "secret"
    }
    WebProxy("http://localhost:1")
    box (fun (_: ConnectionStart) -> Unchecked.defaultof<ServerConnection>)
    box (fun (_: ServerConnection) (_: Request) -> Option<Response>.None)
    box (fun (_: ServerConnection) (_: Request) (_: Response) -> Option<Response>.None)
    box (fun (_: ServerConnection) (_: string list) -> Option<string>.None)
]

let rec private samplesOf (t: Type) : obj list =
    if t.IsGenericType && t.GetGenericTypeDefinition() = typedefof<option<_>> then
        let cases = FSharpType.GetUnionCases t

        [
            for value in samplesOf (Array.head (t.GetGenericArguments())) do
                yield FSharpValue.MakeUnion(cases[1], [| value |])
            yield FSharpValue.MakeUnion(cases[0], [||])
        ]
    else
        List.filter t.IsInstanceOfType samples

let private read (property: PropertyInfo) (options: obj) : obj = property.GetValue options

/// What the property should be once a function was given a value: the content of options and lists, or a delegate.
let private isSet (given: obj) (found: obj) : bool =
    match given, found with
    | null, found -> isNull found
    | given, (:? Delegate as found) -> not (isNull found) && FSharpType.IsFunction(given.GetType())
    | given, found when given.GetType().Name = "FSharpOption`1" ->
        let value = given.GetType().GetProperty("Value").GetValue given

        match value, found with
        | (:? System.Collections.IEnumerable as items), (:? System.Collections.IEnumerable as found) when
            not (value :? string)
            ->
            Seq.cast<obj> items |> List.ofSeq = (Seq.cast<obj> found |> List.ofSeq)
        | value, found -> value = found
    | (:? ((string * string) list) as pairs), (:? seq<KeyValuePair<string, string>> as fields) ->
        List.map KeyValuePair.Create pairs = List.ofSeq fields
    | given, found -> given = found

let private wrongWith (t: Type) : string list = [
    let properties = settable t

    for property in properties do
        match functionOf t property with
        | ValueNone -> $"{t.Name}.{property.Name} has no function"
        | ValueSome func ->
            let original = Activator.CreateInstance t
            let parameter = (Array.head (func.GetParameters())).ParameterType
            let values = samplesOf parameter

            if values.IsEmpty then
                $"{t.Name}.{property.Name}: no value to try {parameter} with"

            for value in values do
                let copy = func.Invoke(null, [| value; original |])

                if copy.GetType() <> t || obj.ReferenceEquals(copy, original) then
                    $"{func.Name} gives {copy}"

                if not (isSet value (read property copy)) then
                    $"{func.Name} {value} sets {read property copy}"

                for other in properties do
                    if other.Name <> property.Name && read other copy <> read other original then
                        $"{func.Name} {value} changes {other.Name}"

            if values |> List.forall (fun value -> isSet value (read property original)) then
                $"{func.Name} is tried with the default alone"
]

[<Tests>]
let options =
    testList "options" [
        testCase "each option of a server has a function, which sets it and nothing else" (fun () ->
            wrongWith typeof<ServerOptions> =! [])

        testCase "each option of a client has a function, which sets it and nothing else" (fun () ->
            wrongWith typeof<ClientOptions> =! [])

        testCase "each function is that of an option" (fun () ->
            let known =
                set [
                    for t in [ typeof<ServerOptions>; typeof<ClientOptions> ] do
                        for property in settable t do
                            nameOf t property
                ]

            [
                for method in functions do
                    if method.GetParameters().Length = 2 && not (known.Contains method.Name) then
                        method.Name
            ]
            =! [])

        testCase "a pipeline keeps the type of what it begins with" (fun () ->
            let server: ServerOptions =
                Options.server
                |> Options.maxConnections 100
                |> Options.pingInterval None
                |> Options.maxConnectionsPerAddress (Some 4)

            let client: ClientOptions =
                Options.client
                |> Options.pingInterval None
                |> Options.bearerToken (Some "token")

            server
            =! ServerOptions(
                MaxConnections = 100,
                PingInterval = Nullable(),
                MaxConnectionsPerAddress = 4,
                Compression = server.Compression
            )

            client
            =! ClientOptions(
                PingInterval = Nullable(),
                BearerToken = "token",
                Compression = client.Compression
            ))
    ]
