using FunctionalWs.Protocol;
using FunctionalWs.Routing;

namespace FunctionalWs;

/// <summary>What a rule does with a connection.</summary>
/// <param name="Handler">Runs it; null for a rule without a handler.</param>
/// <param name="Origin">What the user gave: rules with the same are of one endpoint.</param>
/// <param name="ParameterTypes">The values that the handler takes, in their order; null when it takes any.</param>
/// <param name="RedirectTo">Where to redirect; null for a rule that doesn't.</param>
internal sealed record RouteAction(
    Action<ServerConnection, RouteValues>? Handler,
    Delegate? Origin,
    Type[]? ParameterTypes,
    RouteRedirect? RedirectTo
)
{
    public static readonly RouteAction None = new(null, null, null, null);

    public static RouteAction Redirect(RouteRedirect target) => new(null, null, null, target);

    public static RouteAction Run(Action<ServerConnection> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new((connection, _) => handler(connection), handler, null, null);
    }

    public static RouteAction Run(Action<ServerConnection, RouteValues> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new(handler, handler, null, null);
    }

    public static RouteAction Run(Func<ServerConnection, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new((connection, _) => Await(handler(connection)), handler, null, null);
    }

    public static RouteAction Run(Func<ServerConnection, RouteValues, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new((connection, values) => Await(handler(connection, values)), handler, null, null);
    }

    public static RouteAction Run(Func<ServerConnection, MessageHandler> make)
    {
        var serve = MessageHandler.ForEach(make);
        return new((connection, _) => serve(connection), make, null, null);
    }

    public static RouteAction Run(Func<ServerConnection, RouteValues, MessageHandler> make)
    {
        ArgumentNullException.ThrowIfNull(make);
        return Run(connection => make(connection, connection.RouteValues)) with { Origin = make };
    }

    public static RouteAction Run<T>(Func<ServerConnection, T, MessageHandler> make)
    {
        ArgumentNullException.ThrowIfNull(make);
        return Run((connection, values) => make(connection, (T)values.Values.First())) with
        {
            Origin = make,
            ParameterTypes = [typeof(T)],
        };
    }

    public static RouteAction Run<T1, T2>(Func<ServerConnection, T1, T2, MessageHandler> make)
    {
        ArgumentNullException.ThrowIfNull(make);
        return Run(
            (connection, values) =>
                make(connection, (T1)values.Values.First(), (T2)values.Values.ElementAt(1))
        ) with
        {
            Origin = make,
            ParameterTypes = [typeof(T1), typeof(T2)],
        };
    }

    public static RouteAction Run<T>(Func<ServerConnection, T, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Run<T>((connection, value) => Await(handler(connection, value))) with
        {
            Origin = handler,
        };
    }

    public static RouteAction Run<T1, T2>(Func<ServerConnection, T1, T2, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Run<T1, T2>((connection, one, two) => Await(handler(connection, one, two))) with
        {
            Origin = handler,
        };
    }

    public static RouteAction Run<T>(Action<ServerConnection, T> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new(
            (connection, values) => handler(connection, (T)values.Values.First()),
            handler,
            [typeof(T)],
            null
        );
    }

    public static RouteAction Run<T1, T2>(Action<ServerConnection, T1, T2> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new(
            (connection, values) =>
                handler(connection, (T1)values.Values.First(), (T2)values.Values.ElementAt(1)),
            handler,
            [typeof(T1), typeof(T2)],
            null
        );
    }

    /// <summary>Says what is wrong when the handler can't take values of these types; null when nothing is.</summary>
    public string? Mismatch(IReadOnlyList<Type> given)
    {
        if (ParameterTypes is null)
            return null;
        if (
            ParameterTypes.Length == given.Count
            && given
                .Zip(ParameterTypes, (value, wanted) => wanted.IsAssignableFrom(value))
                .All(fits => fits)
        )
            return null;
        return Invariant(
            $"has the values ({Names(given)}), but its handler takes ({Names(ParameterTypes)})"
        );
    }

    private static void Await(Task task) => HandlerContext.AwaitHandler(task);

    private static string Names(IEnumerable<Type> types) =>
        string.Join(", ", types.Select(type => type.Name));
}
