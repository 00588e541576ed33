using System.Text.Json;
using Gateway.Host.Api;
using Spectre.Console;

namespace Gateway.Host.Cli;

/// <summary>Where verbs write: tables for people, JSON for programs. No colour when the output is not a terminal.</summary>
internal sealed class Screen
{
    private IAnsiConsole? _console;

    public Screen(TextWriter output, TextWriter error, bool terminal) => (Out, ErrorOut, IsTerminal) = (output, error, terminal);

    public TextWriter Out { get; }

    public TextWriter ErrorOut { get; }

    public bool IsTerminal { get; }

    public void Error(string message) => ErrorOut.WriteLine("gateway: " + message);

    public void Line(string text) => Out.WriteLine(text);

    public void Json<T>(T value) => Out.WriteLine(JsonSerializer.Serialize(value, ApiJson.Indented));

    /// <summary>Asks a question that only <c>y</c> or <c>yes</c> answers with yes. Where nobody can be asked it is an error.</summary>
    public bool Confirm(string question)
    {
        if (Input is null) throw new CliException(ExitCodes.Usage, "Nothing was changed. Say --yes to carry it out, or --plan to see it only.");
        Out.Write(question + " [y/N] ");
        Out.Flush();
        return Input.ReadLine()?.Trim().ToLowerInvariant() is "y" or "yes";
    }

    /// <summary>Where answers come from; null when nobody is there.</summary>
    public TextReader? Input { get; init; }

    /// <summary>A table with a row per item; a table without rows says <paramref name="none"/>.</summary>
    public void Rows<T>(IReadOnlyList<T> rows, string none, params (string Head, Func<T, string?> Cell)[] columns)
    {
        if (rows.Count == 0)
        {
            Line(none);
            return;
        }

        var table = new Table().Border(TableBorder.None).Expand();
        if (!IsTerminal) table.Collapse();
        foreach (var (head, _) in columns) table.AddColumn(new TableColumn(new Markup($"[bold]{Markup.Escape(head)}[/]")) { Padding = new Padding(0, 0, 2, 0), NoWrap = !IsTerminal });
        foreach (var row in rows) table.AddRow(columns.Select(c => new Text(c.Cell(row) ?? "")));
        Console().Write(table);
    }

    /// <summary>Wipes a terminal before the next picture of <c>--watch</c>.</summary>
    public void Clear()
    {
        if (IsTerminal) Console().Clear();
    }

    // Made when a table is: the gateway itself shows none.
    private IAnsiConsole Console()
    {
        if (_console is not null) return _console;
        _console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = IsTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = IsTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Out = new AnsiConsoleOutput(Out),
        });
        if (!IsTerminal) _console.Profile.Width = 240;
        return _console;
    }
}
