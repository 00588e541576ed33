using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Gateway.Host.Api;

/// <summary>
/// The served OpenAPI document, made of the endpoints and records when somebody first asks for it, on endpoints of its own: what makes it is large, and a
/// gateway that nobody asks need not carry it.
/// </summary>
internal sealed class ApiDocument(IGatewayFace face) : IDisposable
{
    private const string Name = "v1";

    private readonly SemaphoreSlim _once = new(1);
    private byte[]? _document;

    public async Task<byte[]> BytesAsync(CancellationToken cancellationToken)
    {
        await _once.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return _document ??= await MakeAsync(face, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _once.Release();
        }
    }

    public void Dispose() => _once.Dispose();

    private static async Task<byte[]> MakeAsync(IGatewayFace face, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = typeof(ApiDocument).Assembly.GetName().Name });
        builder.Services.AddSingleton<IServer>(new NoServer());
        builder.Services.AddLogging();
        builder.Services.AddRoutingCore();
        builder.Services.ConfigureHttpJsonOptions(o => ApiServer.Copy(o.SerializerOptions));
        builder.Services.AddOpenApi(Name, o => o.AddDocumentTransformer(Describe));
        var app = builder.Build();
        await using (app.ConfigureAwait(false))
        {
            ApiServer.Map(app, face);
            app.UseRouting();
#pragma warning disable ASP0014 // The endpoints are wanted without a server that would bring them up.
            app.UseEndpoints(_ => { });
#pragma warning restore ASP0014
            var document = await app.Services.GetRequiredKeyedService<IOpenApiDocumentProvider>(Name).GetOpenApiDocumentAsync(cancellationToken).ConfigureAwait(false);
            using var bytes = new MemoryStream();
            await document.SerializeAsJsonAsync(bytes, OpenApiSpecVersion.OpenApi3_1, cancellationToken).ConfigureAwait(false);
            return bytes.ToArray();
        }
    }

    private static Task Describe(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Gateway",
            Version = "v1",
            Description = "Commands and questions to one gateway. Commands are accepted on the Unix socket and from clients with a certificate; a plain loopback address only reads.",
        };
        document.Servers?.Clear();
        return Task.CompletedTask;
    }

    /// <summary>The endpoints are described, never served.</summary>
    private sealed class NoServer : IServer
    {
        public IFeatureCollection Features { get; } = new FeatureCollection();

        public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
            where TContext : notnull => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose()
        {
        }
    }
}
