// What an opening handshake gives away by its time, and what the worst requests cost:
//   dotnet run -c Release --project benchmarks/HandshakeSecurity -- timing [--calls N]
//   dotnet run -c Release --project benchmarks/HandshakeSecurity -- heads
using HandshakeSecurity;

switch (args)
{
    case ["timing"]:
        return BasicAuthTiming.Run(1_000_000);
    case ["timing", "--calls", var text] when int.TryParse(text, out var calls) && calls >= 10_000:
        return BasicAuthTiming.Run(calls);
    case ["heads"]:
        RequestHeads.Run();
        return 0;
    default:
        Console.Error.WriteLine(
            "usage: HandshakeSecurity timing [--calls N] | heads   (N: 10,000 or more)"
        );
        return 2;
}
