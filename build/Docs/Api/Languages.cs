using FunctionalWs.Docs.Site;

namespace FunctionalWs.Docs.Api;

/// <summary>What a page says in each language that its library is for, of which a reader sees the one that was chosen.</summary>
internal sealed class Languages(Library library, Links links)
{
    private readonly IReadOnlyList<ISignature> all = library.IsFSharp
        ? [new CSharpSignature(links), new FSharpSignature(links)]
        : [new CSharpSignature(links)];

    /// <summary>The buttons; nothing where there is no choice.</summary>
    public string Choice => all is [_] ? "" : Page.Languages;

    public string Inline(Func<ISignature, string> textIn)
    {
        var texts = all.Select(language => (language.Language, Text: textIn(language))).ToList();
        return texts.DistinctBy(one => one.Text).Count() == 1
            ? texts[0].Text
            : string.Concat(
                texts.Select(one => $"<span class=\"{one.Language}\">{one.Text}</span>")
            );
    }

    public string Declaration(Func<ISignature, string> textIn) =>
        string.Concat(
            all.Select(language =>
                $"<pre class=\"{Classes(language)}\"><code lang=\"{language.Language}\">{textIn(language)}</code></pre>"
            )
        );

    private string Classes(ISignature language) =>
        all is [_] ? "declaration" : $"declaration {language.Language}";
}
