/// The packages' assemblies, and where their public surface is written down.
module FunctionalWs.Api.Tests.Packages

open System
open System.IO
open System.Reflection
open FunctionalWs.Api.Tests.TypeText

type Package = {
    Assembly: Assembly
    Language: Language
    Folder: string
}

let all = [
    {
        Assembly = typeof<FunctionalWs.Protocol.Request>.Assembly
        Language = FSharp
        Folder = "src/Protocol.FSharp"
    }
    {
        Assembly = typeof<FunctionalWs.Protocol.Recording>.Assembly
        Language = FSharp
        Folder = "src/Recording.FSharp"
    }
    {
        Assembly = typeof<FunctionalWs.Routing.RouteTable>.Assembly
        Language = FSharp
        Folder = "src/Routing.FSharp"
    }
    {
        Assembly = typeof<FunctionalWs.Explore.Explanation>.Assembly
        Language = FSharp
        Folder = "src/Explore.FSharp"
    }
    {
        Assembly = typeof<FunctionalWs.Generators.ProtocolValues>.Assembly
        Language = FSharp
        Folder = "src/Generators.FSharp"
    }
    {
        Assembly = typeof<FunctionalWs.Server>.Assembly
        Language = CSharp
        Folder = "src/Server.CSharp"
    }
    {
        Assembly = typeof<FunctionalWs.HandshakeRefusedException>.Assembly
        Language = CSharp
        Folder = "src/Client.CSharp"
    }
    {
        Assembly = typeof<FunctionalWs.Testing.InMemoryServer>.Assembly
        Language = CSharp
        Folder = "src/Testing.CSharp"
    }
    {
        Assembly = typeof<FunctionalWs.Hosting.HostedServer>.Assembly
        Language = CSharp
        Folder = "src/Hosting.CSharp"
    }
    {
        Assembly = typeof<FunctionalWs.AspNetCore.WebSocketEndpointRouteBuilderExtensions>.Assembly
        Language = CSharp
        Folder = "src/AspNetCore.CSharp"
    }
    {
        Assembly = Assembly.Load "FunctionalWs.FSharp"
        Language = FSharp
        Folder = "src/Server.FSharp"
    }
    {
        Assembly = Assembly.Load "FunctionalWs.FSharp.Testing"
        Language = FSharp
        Folder = "src/Testing.FSharp"
    }
]

let root =
    let rec up (folder: DirectoryInfo) =
        if File.Exists(Path.Combine(folder.FullName, "FunctionalWs.sln")) then
            folder.FullName
        else
            up folder.Parent

    up (DirectoryInfo AppContext.BaseDirectory)

let name (package: Package) = package.Assembly.GetName().Name

let surfaceFile (package: Package) =
    Path.Combine(root, package.Folder, "PublicAPI.txt")

let surface (package: Package) =
    PublicApi.ofAssembly package.Language package.Assembly

/// Writes down the surface as it is now; tells which files changed.
let update () =
    for package in all do
        let file = surfaceFile package
        let current = surface package

        if not (File.Exists file) || File.ReadAllText file <> current then
            File.WriteAllText(file, current)
            printfn $"updated {Path.GetRelativePath(root, file)}"
