namespace FunctionalWs.Routing

open System
open System.Runtime.InteropServices

[<AbstractClass; AllowNullLiteral(false)>]
type RouteConverter() =
    abstract TryParse: text: string * [<Out>] value: byref<obj | null> -> bool
    abstract TryFormat: value: obj * [<Out>] text: byref<string | null> -> bool
    abstract ValueType: Type
    default _.ValueType = typeof<obj>
    abstract Weight: int
    default _.Weight = 100
    abstract SpansSegments: bool
    default _.SpansSegments = false
