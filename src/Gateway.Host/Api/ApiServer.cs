using System.Net;
using System.Security.Authentication;
using System.Text.Json;
using Gateway.Host.Api.Views;
using Gateway.Host.Appliance;
using Gateway.Host.Tls;
using Gateway.Policy.Commands;
using Gateway.Policy.Items;
using Gateway.Policy.Items.Schema;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Gateway.Host.Api;

/// <summary>
/// The HTTP interface: on a Unix socket (0600) for whoever may open it, with TLS for whoever has a certificate, and on a plain loopback address for reading
/// only, because there a peer proves nothing.
/// </summary>
public sealed class ApiServer : IAsyncDisposable
{
    /// <summary>Largest command taken, octets.</summary>
    public const int MaxCommand = 4 * 1024 * 1024;

    private readonly WebApplication _app;
    private readonly string _socket;

    private ApiServer(WebApplication app, string socket) => (_app, _socket) = (app, socket);

    /// <exception cref="IOException">The socket is in use by a living gateway, or the address is taken.</exception>
    public static async Task<ApiServer> StartAsync(ApiSection section, IGatewayFace face, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        UnixSocketFile.RemoveStale(section.Socket);
        // Empty: no settings from files and the environment, no watchers; what listens where is said in the appliance's file alone.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = typeof(ApiServer).Assembly.GetName().Name });
        builder.WebHost.UseKestrelCore();
        builder.Services.AddSingleton(logs);
        builder.Services.AddLogging();
        builder.Services.AddRoutingCore();
        builder.Services.ConfigureHttpJsonOptions(o => Copy(o.SerializerOptions));
        if (section.Tls is not null) builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, section));
        var app = builder.Build();
        app.UseMiddleware<ApiErrors>();
        app.Use((context, next) => ApiAccess.CheckAsync(context, face, next));
        Map(app, face);
        var document = new ApiDocument(face);
        app.MapGet("/openapi/v1.json", async (CancellationToken stop) => Results.Bytes(await document.BytesAsync(stop).ConfigureAwait(false), "application/json"));
        var before = Umask(0x7f);
        try
        {
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Umask(before);
        }

        File.SetUnixFileMode(section.Socket, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return new ApiServer(app, section.Socket);
    }

    public async ValueTask DisposeAsync()
    {
        using (var soon = new CancellationTokenSource(TimeSpan.FromSeconds(2))) await _app.StopAsync(soon.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        File.Delete(_socket);
    }

    internal static void Map(WebApplication app, IGatewayFace face)
    {
        var v1 = app.MapGroup("/v1");
        v1.MapPost("/commands", (HttpContext context, CancellationToken stop) => CommandAsync(context, face, stop))
            .Accepts<JsonElement>("application/json").Produces<Outcome>().Produces<Outcome>(StatusCodes.Status400BadRequest)
            .Produces<Outcome>(StatusCodes.Status422UnprocessableEntity).Produces<Outcome>(StatusCodes.Status429TooManyRequests).Produces<Outcome>(StatusCodes.Status503ServiceUnavailable)
            .Produces<ApiProblem>(StatusCodes.Status403Forbidden).Produces<ApiProblem>(StatusCodes.Status413PayloadTooLarge)
            .WithName("command").WithSummary("Takes one command (a transaction or an SA command) and answers with its outcome.");
        v1.MapGet("/config", (string? at, CancellationToken stop) => face.ConfigAsync(at, stop)).Produces<ConfigView>().WithName("config").WithSummary("The configuration now, or at REV, @POSITION or a time.");
        v1.MapGet("/history", (string? item, string? since, string? until, int? limit, CancellationToken stop) => face.HistoryAsync(new HistoryFilter(item, since, until, limit ?? 1000), stop))
            .Produces<IEnumerable<HistoryRow>>().WithName("history").WithSummary("Events, oldest first.");
        v1.MapGet("/diff", (string a, string b, CancellationToken stop) => face.DiffAsync(a, b, stop)).Produces<IEnumerable<DiffRow>>().WithName("diff").WithSummary("Items that differ between two moments.");
        v1.MapGet("/blame", (string? item, string? at, CancellationToken stop) => face.BlameAsync(item, at, stop)).Produces<IEnumerable<BlameRow>>().WithName("blame").WithSummary("Which command made each line of the configuration; item is KIND/NAME or a kind.");
        v1.MapGet("/nat/who", (string endpoint, string? at, CancellationToken stop) => face.NatWhoAsync(endpoint, at, stop)).Produces<IEnumerable<NatHolderRow>>()
            .WithName("natWho").WithSummary("Which inside host has, or had at a moment, the block of ports that an outside ADDRESS:PORT is of.");
        v1.MapGet("/verify", (CancellationToken stop) => face.VerifyAsync(stop)).Produces<VerifyView>().WithName("verify").WithSummary("Recomputes the journal's hash chain.");
        v1.MapGet("/key", () => face.Key()).Produces<KeyView>().WithName("key").WithSummary("The public key by which signed heads and bundles are verified.");
        v1.MapGet("/export", (HttpContext context, string? since, string? until, CancellationToken stop) => ExportAsync(context, face, since, until, stop)).Produces(StatusCodes.Status200OK, contentType: "application/gzip")
            .WithName("export").WithSummary("The events of a period as a bundle that can be verified by itself.");
        v1.MapPost("/archive", (HttpContext context, string until, CancellationToken stop) => ArchiveAsync(context, face, until, stop)).Produces<ArchiveView>().Produces<ApiProblem>(StatusCodes.Status403Forbidden)
            .WithName("archive").WithSummary("Moves the events up to a moment into a bundle of the archive.");
        v1.MapGet("/gateway", () => face.Gateway()).Produces<GatewayView>().WithName("gateway").WithSummary("The box as a whole.");
        v1.MapGet("/health", () => TypedResults.Ok(new Health("ok"))).WithName("health").WithSummary("Answers when the gateway lives.");
        v1.MapGet("/show/{topic}", (string topic, string? name, string? at, CancellationToken stop) => ShowAsync(face, topic, name, at, stop)).Produces<IEnumerable<object>>().Produces<ApiProblem>(StatusCodes.Status404NotFound)
            .WithName("show").WithSummary("Rows of a topic: " + string.Join(", ", ShowTopics.All) + "; with at as the journal has them then.");
        v1.MapGet("/explain", (string flow, string? at, bool? reply, CancellationToken stop) => face.ExplainAsync(flow, at, reply ?? false, stop)).Produces<ExplainView>().Produces<ApiProblem>(StatusCodes.Status400BadRequest)
            .WithName("explain").WithSummary("What becomes of a packet, now or at a moment, by which rule, route, translation and SA, and whose doing that is. Nothing is sent.");
        v1.MapPost("/trace", (HttpContext context, int? count, string? @interface, string? flow, bool? drops) => Trace(context, face, new TraceWish(count ?? 32, @interface, flow, drops ?? false)))
            .WithName("startTrace").WithSummary("Traces the next packets: of one interface, of one flow, or only those that are dropped.");
        v1.MapGet("/trace", (CancellationToken stop) => face.ReadTraceAsync(stop)).Produces<IEnumerable<TraceView>>().WithName("readTrace").WithSummary("The packets traced, node by node, with what decided at each.");
        v1.MapGet("/schemas", () => ItemCatalog.Kinds.Select(k => k.Name)).Produces<IEnumerable<string>>().WithName("kinds").WithSummary("The kinds of items.");
        v1.MapGet("/schemas/{kind}", (string kind) => Schema(kind)).Produces<JsonElement>().Produces<ApiProblem>(StatusCodes.Status404NotFound).WithName("schema").WithSummary("JSON Schema of a kind's spec.");
        v1.MapGet("/log-levels", () => face.LogLevels).Produces<IReadOnlyDictionary<string, string>>().WithName("logLevels").WithSummary("Log level per area.");
        v1.MapPut("/log-levels/{area}", (HttpContext context, string area, string level) => SetLevel(context, face, area, level)).WithName("setLogLevel").WithSummary("Sets the log level of an area.");
    }

    private static async Task<IResult> CommandAsync(HttpContext context, IGatewayFace face, CancellationToken stop)
    {
        var principal = PeerPrincipal.Of(context);
        if (principal == PeerPrincipal.Anonymous) return Forbidden();
        if (context.Request.ContentLength > MaxCommand) return TooLarge();
        var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await context.Request.Body.ReadAsync(buffer, stop).ConfigureAwait(false)) > 0)
        {
            if (body.Length + read > MaxCommand) return TooLarge();
            body.Write(buffer, 0, read);
        }

        var outcome = await face.HandleAsync(body.GetBuffer().AsMemory(0, (int)body.Length), principal, stop).ConfigureAwait(false);
        if (StatusOf(outcome) is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable) context.Response.Headers.RetryAfter = "1";
        return Results.Json(outcome, ApiJson.Options, statusCode: StatusOf(outcome));
    }

    private static int StatusOf(Outcome outcome) => outcome switch
    {
        { Status: not OutcomeStatus.Rejected } => StatusCodes.Status200OK,
        { Errors: var errors } when errors.Any(e => ErrorCode.IsUnavailable(e.Code)) => StatusCodes.Status503ServiceUnavailable,
        { Errors: var errors } when errors.Any(e => e.Code == ErrorCode.OverLimit) => StatusCodes.Status429TooManyRequests,
        { Id: "" } => StatusCodes.Status400BadRequest,
        _ => StatusCodes.Status422UnprocessableEntity,
    };

    private static async Task<IResult> ShowAsync(IGatewayFace face, string topic, string? name, string? at, CancellationToken stop) =>
        ShowTopics.All.Contains(topic)
            ? Results.Json(at is null ? face.Show(topic, name) : await face.ShowAtAsync(topic, name, at, stop).ConfigureAwait(false), ApiJson.Options)
            : Results.Json(new ApiProblem("unknown-topic", $"There is no topic {topic}; there are {string.Join(", ", ShowTopics.All)}."), ApiJson.Options, statusCode: 404);

    // Written to a file first: what fails half-way must not look like a bundle.
    private static async Task<IResult> ExportAsync(HttpContext context, IGatewayFace face, string? since, string? until, CancellationToken stop)
    {
        var file = new FileStream(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Options = FileOptions.DeleteOnClose | FileOptions.Asynchronous,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        context.Response.RegisterForDisposeAsync(file);
        await face.ExportAsync(since, until, file, stop).ConfigureAwait(false);
        file.Position = 0;
        return Results.Stream(file, "application/gzip");
    }

    private static async Task<IResult> ArchiveAsync(HttpContext context, IGatewayFace face, string until, CancellationToken stop)
    {
        if (PeerPrincipal.Of(context) == PeerPrincipal.Anonymous) return Forbidden();
        return Results.Json(await face.ArchiveAsync(until, stop).ConfigureAwait(false), ApiJson.Options);
    }

    private static IResult Schema(string kind) =>
        ItemCatalog.Kinds.FirstOrDefault(k => k.Name == kind) is { } known
            ? Results.Json(ItemSchema.OfSpec(known), ApiJson.Options)
            : Results.Json(new ApiProblem("unknown-kind", $"There is no kind {kind}."), ApiJson.Options, statusCode: 404);

    private static IResult Trace(HttpContext context, IGatewayFace face, TraceWish wish)
    {
        if (!ApiAccess.MayOperate(context, face)) return Forbidden();
        if (wish.Count is < 1 or > 1000) throw new AskedWrongException("out-of-range", "count must be 1–1000.");
        face.StartTrace(wish);
        return Results.NoContent();
    }

    private static IResult SetLevel(HttpContext context, IGatewayFace face, string area, string level)
    {
        if (!ApiAccess.MayOperate(context, face)) return Forbidden();
        face.SetLogLevel(area, level);
        return Results.NoContent();
    }

    private static JsonHttpResult<ApiProblem> Forbidden() =>
        TypedResults.Json(new ApiProblem("not-authenticated", "You may not do that here: commands come through the Unix socket, with a client certificate, or over the bus, from those whom the authorization lets."), ApiJson.Options, statusCode: 403);

    private static JsonHttpResult<ApiProblem> TooLarge() =>
        TypedResults.Json(new ApiProblem("too-large", $"A command has at most {MaxCommand} octets."), ApiJson.Options, statusCode: 413);

    private static void Configure(KestrelServerOptions kestrel, ApiSection section)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MaxConcurrentConnections = 128;
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(60);
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));
        kestrel.ListenUnixSocket(section.Socket);
        if (section.Listen is { } listen) kestrel.Listen(IPEndPoint.Parse(listen), o => Secure(o, section.Tls));
    }

    private static void Secure(ListenOptions listen, ApiTlsSection? tls)
    {
        if (tls is null) return;
        var identity = new TlsIdentity(tls.Cert, tls.Key);
        var trust = new TlsTrust(tls.ClientCa);
        // Both once now: what cannot be read is told at the start, not to the first client.
        identity.Current();
        trust.Authorities();
        listen.UseHttps(new HttpsConnectionAdapterOptions
        {
            SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ClientCertificateMode = ClientCertificateMode.RequireCertificate,
            ClientCertificateValidation = (certificate, chain, _) => trust.Vouches(certificate, chain?.ChainPolicy.ExtraStore ?? [], TlsTrust.ClientAuthentication),
            ServerCertificateChain = identity.Current().Chain,
            ServerCertificateSelector = (_, _) => identity.Current().Certificate,
            HandshakeTimeout = TimeSpan.FromSeconds(10),
        });
    }

    internal static void Copy(JsonSerializerOptions to)
    {
        var from = ApiJson.Options;
        (to.PropertyNamingPolicy, to.DefaultIgnoreCondition, to.Encoder) = (from.PropertyNamingPolicy, from.DefaultIgnoreCondition, from.Encoder);
        foreach (var converter in from.Converters) to.Converters.Add(converter);
    }

    // The socket must never be open to others, not even between bind and chmod.
    private static int Umask(int mask) => Gateway.Host.Api.Interop.FileMask.Set(mask);

    /// <summary>The answer of /v1/health.</summary>
    internal sealed record Health(string Status);
}
