using System.Text;
using System.Text.RegularExpressions;

namespace FunctionalWs.Docs.Snippets;

/// <summary>Blocks as source files whose errors name the page and its line.</summary>
internal static partial class SourceText
{
    /// <summary>A class whose method is the block, or several that continue each other. Types are for all blocks of a page.</summary>
    public static string CSharp(IReadOnlyList<Block> blocks)
    {
        var first = blocks[0];
        var (usings, types, body) = (new StringBuilder(), new StringBuilder(), new StringBuilder());
        foreach (var block in blocks)
        {
            body.AppendLine(block.Before);
            Part(block, usings, types, body);
        }

        var isAsync = blocks.Any(block => block.Code.Any(line => line.Contains("await ")));
        return $$"""
            {{usings}}
            namespace Snippets.{{first.Page}};
            {{types}}
            #line hidden
            internal sealed class Block{{first.Line}} : global::Snippets.Run.Context
            {
            public override void Run()
            {
            {{(isAsync ? "Body().GetAwaiter().GetResult();\nasync Task Body()\n{" : "")}}
            {{body}}
            #line hidden
            {{(isAsync ? "}" : "")}}
            }
            }
            """;
    }

    // Directives and types can't stand in a method.
    private static void Part(
        Block block,
        StringBuilder usings,
        StringBuilder types,
        StringBuilder body
    )
    {
        var isType = false;
        for (var i = 0; i < block.Code.Length; i++)
        {
            var line = block.Code[i];
            isType |= TypeStart().IsMatch(line);
            var to =
                Using().IsMatch(line) ? usings
                : isType ? types
                : body;
            to.AppendLine($"#line {block.Line + i} \"{Path.GetFullPath(block.File)}\"")
                .AppendLine(line);
            isType &= !(line is "}" || (line.EndsWith(';') && !line.StartsWith(' ')));
        }
    }

    /// <summary>A module with a function that is the block, or several that continue each other.</summary>
    public static string FSharp(IReadOnlyList<Block> blocks)
    {
        var (head, body) = (new StringBuilder(), new StringBuilder());
        foreach (var block in blocks)
        {
            body.AppendLine($"# {block.Line} \"{Path.GetFullPath(block.File)}\"");
            var isType = false;
            for (var i = 0; i < block.Code.Length; i++)
            {
                var line = block.Code[i];
                isType = IsType(line, isType);
                var isHead = isType || line.StartsWith("open ");
                if (isHead)
                    head.AppendLine($"# {block.Line + i} \"{Path.GetFullPath(block.File)}\"")
                        .AppendLine(line);
                body.AppendLine(
                    isHead || line.StartsWith("#r ") || line.StartsWith("#i ") ? "" : "    " + line
                );
            }
        }

        return $"module Snippets.FSharp.{blocks[0].Name}\n\n{head}\nlet run () =\n{body}\n    ()\n";
    }

    // A function holds no types: what is indented, or empty, belongs to what began before it.
    private static bool IsType(string line, bool wasType) =>
        line.StartsWith("type ")
        || line.StartsWith("[<")
        || (wasType && (line is "" || line.StartsWith(' ')));

    [GeneratedRegex(@"^using (static )?[A-Z][\w.]*;")]
    public static partial Regex Using();

    // Or the first line of its attributes.
    [GeneratedRegex(
        @"^((public|internal|sealed|static|abstract|partial|readonly|file) )*(class|record|struct|interface|enum) |^\[[A-Z]"
    )]
    private static partial Regex TypeStart();
}
