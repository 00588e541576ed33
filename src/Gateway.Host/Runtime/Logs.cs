using Gateway.Host.Api;
using Gateway.Host.Appliance;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Extensions.Logging;

namespace Gateway.Host.Runtime;

/// <summary>Structured logs to stderr, with a level per area that can be changed at run time.</summary>
internal sealed class Logs : IDisposable
{
    private const string Template = "{Timestamp:yyyy-MM-ddTHH:mm:ss.fffzzz} {Level:u3} {SourceContext}: {Message:lj}{NewLine}{Exception}";
    private static readonly string[] _areas = ["host", "control", "journal", "ike", "dataplane", "bus", "api", "vici"];

    private readonly Dictionary<string, LoggingLevelSwitch> _switches;
    private readonly Logger _root;
    private readonly LogTap _tap = new();

    public Logs(LogSection section)
    {
        _switches = _areas.ToDictionary(a => a, a => new LoggingLevelSwitch(Level(section.Areas.GetValueOrDefault(a, section.Level))));
        var configuration = new LoggerConfiguration()
            .MinimumLevel.Verbose()
            .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
            .MinimumLevel.Override("System", LogEventLevel.Warning)
            .Enrich.FromLogContext()
            .WriteTo.Console(outputTemplate: Template, standardErrorFromLevel: LogEventLevel.Verbose, formatProvider: System.Globalization.CultureInfo.InvariantCulture)
            .WriteTo.Sink(_tap);
        foreach (var (area, control) in _switches) configuration.MinimumLevel.Override(area, control);
        _root = configuration.CreateLogger();
        Factory = new SerilogLoggerFactory(_root);
    }

    public ILoggerFactory Factory { get; }

    public IReadOnlyDictionary<string, string> Levels => _switches.ToDictionary(s => s.Key, s => s.Value.MinimumLevel.ToString().ToLowerInvariant());

    public Microsoft.Extensions.Logging.ILogger For(string area) => Factory.CreateLogger(area);

    /// <summary>Calls back for every line from now on, until what it gives is disposed; must be quick and must not log.</summary>
    public IDisposable Follow(Action<Vici.Server.LogLine> onLine) => _tap.Follow(onLine);

    public void Set(string area, string level)
    {
        if (!Enum.TryParse<LogLevelName>(level, ignoreCase: true, out var name) || !Enum.IsDefined(name))
            throw new AskedWrongException("unknown-level", $"There is no level {level}; there are debug, information, warning and error.");
        if (area != "*" && !_switches.ContainsKey(area)) throw new AskedWrongException("unknown-area", $"There is no area {area}; there are {string.Join(", ", _areas)}.");
        foreach (var (key, control) in _switches)
            if (area == "*" || area == key) control.MinimumLevel = Level(name);
    }

    public void Dispose()
    {
        Factory.Dispose();
        _root.Dispose();
    }

    private static LogEventLevel Level(LogLevelName level) => level switch
    {
        LogLevelName.Debug => LogEventLevel.Debug,
        LogLevelName.Information => LogEventLevel.Information,
        LogLevelName.Warning => LogEventLevel.Warning,
        _ => LogEventLevel.Error,
    };
}
