#!/usr/bin/env dotnet
#:package FunctionalWs.Server@0.1.0
// A server in one file, which needs no project: dotnet run echo.cs
// A native program of it, which needs no .NET:  dotnet publish echo.cs
using FunctionalWs;

using var server = Server.Serve(
    connection =>
    {
        foreach (var message in connection) // ends when the client closes
            connection.Send(message); // text as text, binary as binary
    },
    "localhost",
    args is [var port] ? int.Parse(port) : 8765
);
Console.WriteLine($"listening on ws://{server.LocalEndPoint}/");
server.ServeForever();
