<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>Seamline</name>
    <message>
        <source>one diffusion step, {scale} times as fine, any bands; tells its uncertainty.</source>
        <translation>ein Diffusionsschritt, {scale}-mal so fein, beliebige Kanäle; sagt, wie unsicher es ist.</translation>
    </message>
    <message>
        <source>latent diffusion for any sensor and any bands, one step; tells its uncertainty.</source>
        <translation>latente Diffusion für beliebige Sensoren und Kanäle, ein Schritt; sagt, wie unsicher es ist.</translation>
    </message>
    <message>
        <source>adaptive Gram-Schmidt: classical, fast, keeps the detail of the panchromatic image.</source>
        <translation>adaptives Gram-Schmidt: klassisch, schnell, erhält die Einzelheiten des panchromatischen Bildes.</translation>
    </message>
    <message>
        <source>Laplacian pyramid matched to the sensor, detail multiplied: classical, keeps colours.</source>
        <translation>Laplace-Pyramide passend zum Sensor, Einzelheiten multipliziert: klassisch, erhält die Farben.</translation>
    </message>
    <message>
        <source>Laplacian pyramid matched to the sensor, detail added by regression: classical.</source>
        <translation>Laplace-Pyramide passend zum Sensor, Einzelheiten durch Regression addiert: klassisch.</translation>
    </message>
    <message>
        <source>ratio of intensities: classical, the fastest; colours shift where bands and PAN disagree.</source>
        <translation>Verhältnis der Intensitäten: klassisch, das schnellste; Farben verschieben sich, wo Kanäle und PAN nicht zueinander passen.</translation>
    </message>
    <message>
        <source>the same with the intensity that fits the panchromatic image best.</source>
        <translation>dasselbe mit der Intensität, die am besten zum panchromatischen Bild passt.</translation>
    </message>
    <message>
        <source>the 20 m bands of Sentinel-2 on its 10 m grid, by its own 10 m bands.</source>
        <translation>die 20-m-Kanäle von Sentinel-2 auf seinem 10-m-Gitter, mithilfe seiner eigenen 10-m-Kanäle.</translation>
    </message>
    <message>
        <source>interpolation at any scale: adds no detail, the yardstick for the others.</source>
        <translation>Interpolation mit beliebigem Faktor: fügt keine Einzelheiten hinzu, der Maßstab für die anderen.</translation>
    </message>
    <message>
        <source>copies the pixels at scale 1, for tests.</source>
        <translation>kopiert die Pixel mit Faktor 1, zum Testen.</translation>
    </message>
    <message>
        <source>diffusion with an older, finer image, four times as fine; tells its uncertainty and its trust.</source>
        <translation>Diffusion mit einem älteren, feineren Bild, viermal so fein; sagt, wie unsicher es ist und wie weit es der Referenz traut.</translation>
    </message>
    <message>
        <source>buildings, in 8-bit colour images with pixels of about 0.15 m.</source>
        <translation>Gebäude, in Farbbildern von 8 Bit mit Pixeln von etwa 0,15 m.</translation>
    </message>
    <message>
        <source>ten kinds of land cover, in 8-bit colour images of Sentinel-2.</source>
        <translation>zehn Arten von Landbedeckung, in Farbbildern von 8 Bit von Sentinel-2.</translation>
    </message>
    <message>
        <source>trees alive and dead, in 8-bit colour images with pixels of about 0.1 m.</source>
        <translation>lebende und tote Bäume, in Farbbildern von 8 Bit mit Pixeln von etwa 0,1 m.</translation>
    </message>
    <message>
        <source>Adapt model to scene</source>
        <translation>Modell an Szene anpassen</translation>
    </message>
    <message>
        <source>Trains the pan-sharpening model a little on the scene itself and writes the result as a model folder. No reference is needed: both images are degraded by their ratio, fused, and compared with the multispectral image.

Choose the folder as 'Model folder' in Pan-sharpen, for this scene or for others of the same sensor and season.

A fifth of the ground is held out. Weights are changed only where that part gains 2 % or more; otherwise the folder holds the model as it ships, and the log says so. Expect a small gain where the sensor is unlike the training data, and none where it is not.</source>
        <translation>Trainiert das Pan-Sharpening-Modell ein wenig an der Szene selbst und schreibt das Ergebnis als Modellordner. Eine Referenz ist nicht nötig: beide Bilder werden um ihr Verhältnis vergröbert, fusioniert und mit dem Multispektralbild verglichen.

Den Ordner als 'Modellordner' in Pan-Sharpening wählen, für diese Szene oder für andere desselben Sensors und derselben Jahreszeit.

Ein Fünftel der Fläche wird zurückgehalten. Gewichte werden nur geändert, wenn dieser Teil 2 % oder mehr gewinnt; sonst enthält der Ordner das Modell, wie es ausgeliefert wird, und das Protokoll sagt es. Zu erwarten ist ein kleiner Gewinn, wo der Sensor den Trainingsdaten unähnlich ist, und keiner, wo er es nicht ist.</translation>
    </message>
    <message>
        <source>Most training steps. More takes longer. Empty: 30.</source>
        <translation>Höchstzahl der Trainingsschritte. Mehr dauert länger. Leer: 30.</translation>
    </message>
    <message>
        <source>Training steps</source>
        <translation>Trainingsschritte</translation>
    </message>
    <message>
        <source>The bands of the scene, at least 24 pixels along each side.</source>
        <translation>Die Kanäle der Szene, mindestens 24 Pixel entlang jeder Seite.</translation>
    </message>
    <message>
        <source>One band of the same scene in finer pixels.</source>
        <translation>Ein Kanal derselben Szene in feineren Pixeln.</translation>
    </message>
    <message>
        <source>A new or empty folder for the model: its card and its weights.</source>
        <translation>Ein neuer oder leerer Ordner für das Modell: seine Karte und seine Gewichte.</translation>
    </message>
    <message>
        <source>pansharpen,train,fine-tune,adapt,model,sensor,diffusion</source>
        <translation>Pan-Sharpening,trainieren,Feinabstimmung,anpassen,Modell,Sensor,Diffusion</translation>
    </message>
    <message>
        <source>Multispectral raster</source>
        <translation>Multispektrales Raster</translation>
    </message>
    <message>
        <source>Panchromatic raster</source>
        <translation>Panchromatisches Raster</translation>
    </message>
    <message>
        <source>Adapted model</source>
        <translation>Angepasstes Modell</translation>
    </message>
    <message>
        <source>Step that was kept; 0: the model as it ships</source>
        <translation>Behaltener Schritt; 0: das Modell, wie es ausgeliefert wird</translation>
    </message>
    <message>
        <source>Loss on held-out ground before</source>
        <translation>Verlust auf zurückgehaltener Fläche vorher</translation>
    </message>
    <message>
        <source>Loss on held-out ground after</source>
        <translation>Verlust auf zurückgehaltener Fläche nachher</translation>
    </message>
    <message>
        <source>Cancelled; nothing was written</source>
        <translation>Abgebrochen; nichts wurde geschrieben</translation>
    </message>
    <message>
        <source>HTML files</source>
        <translation>HTML-Dateien</translation>
    </message>
    <message>
        <source>JSON files</source>
        <translation>JSON-Dateien</translation>
    </message>
    <message>
        <source>Pan-sharpening</source>
        <translation>Pan-Sharpening</translation>
    </message>
    <message>
        <source>Super-resolution</source>
        <translation>Super-Resolution</translation>
    </message>
    <message>
        <source>Segmentation</source>
        <translation>Segmentierung</translation>
    </message>
    <message>
        <source>Classification</source>
        <translation>Klassifizierung</translation>
    </message>
    <message>
        <source>Training</source>
        <translation>Training</translation>
    </message>
    <message>
        <source>Quality</source>
        <translation>Qualität</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Extent</source>
        <translation>Ausdehnung</translation>
    </message>
    <message>
        <source>Bands</source>
        <translation>Kanäle</translation>
    </message>
    <message>
        <source>Metrics as JSON</source>
        <translation>Maßzahlen als JSON</translation>
    </message>
    <message>
        <source>Reference raster</source>
        <translation>Referenzraster</translation>
    </message>
    <message>
        <source>Images</source>
        <translation>Bilder</translation>
    </message>
    <message>
        <source>Labels</source>
        <translation>Labels</translation>
    </message>
    <message>
        <source>Class field</source>
        <translation>Klassenfeld</translation>
    </message>
    <message>
        <source>Trained model</source>
        <translation>Trainiertes Modell</translation>
    </message>
    <message>
        <source>Segment</source>
        <translation>Segmentieren</translation>
    </message>
    <message>
        <source>Writes the class of every pixel of an image, as a Cloud Optimized GeoTIFF with the colours and the names of the classes, and as polygons where you ask for them.

The scene is worked in overlapping tiles without seams, so it may have any size: tiles agree on probabilities first, and the class is chosen after that. Pixels that are masked in the input are masked in the output.

'Train on my labels' makes a model for classes of your own.</source>
        <translation>Schreibt die Klasse jedes Pixels eines Bildes, als Cloud Optimized GeoTIFF mit den Farben und den Namen der Klassen, und auf Wunsch als Polygone.

Die Szene wird in überlappenden Kacheln ohne Nähte bearbeitet und darf beliebig groß sein: zuerst einigen sich die Kacheln auf Wahrscheinlichkeiten, danach wird die Klasse gewählt. Pixel, die in der Eingabe maskiert sind, sind es auch in der Ausgabe.

'Mit eigenen Labels trainieren' macht ein Modell für eigene Klassen.</translation>
    </message>
    <message>
        <source>Segmented</source>
        <translation>Segmentiert</translation>
    </message>
    <message>
        <source>Polygons smaller than this are left out, in square metres. Empty: none.</source>
        <translation>Kleinere Polygone werden weggelassen, in Quadratmetern. Leer: keine.</translation>
    </message>
    <message>
        <source>How far the rim of a polygon may move when it is made simpler, in metres. Empty: not at all.</source>
        <translation>Wie weit sich der Rand eines Polygons beim Vereinfachen verschieben darf, in Metern. Leer: gar nicht.</translation>
    </message>
    <message>
        <source>Classify patches</source>
        <translation>Bildausschnitte klassifizieren</translation>
    </message>
    <message>
        <source>Writes the class of every patch of an image, as a Cloud Optimized GeoTIFF with a pixel a patch and the colours and the names of the classes, and as squares where you ask for them. How large a patch is, the model decides; 'Segment' is for models that tell pixels apart.

The scene is worked in overlapping tiles without seams, so it may have any size. Patches of which every pixel is masked in the input are masked in the output.

'Train on my labels' makes a model for classes of your own.</source>
        <translation>Schreibt die Klasse jedes Ausschnitts eines Bildes, als Cloud Optimized GeoTIFF mit einem Pixel je Ausschnitt und den Farben und den Namen der Klassen, und auf Wunsch als Quadrate. Wie groß ein Ausschnitt ist, bestimmt das Modell; 'Segmentieren' ist für Modelle, die Pixel unterscheiden.

Die Szene wird in überlappenden Kacheln ohne Nähte bearbeitet und darf beliebig groß sein. Ausschnitte, von denen in der Eingabe jedes Pixel maskiert ist, sind es auch in der Ausgabe.

'Mit eigenen Labels trainieren' macht ein Modell für eigene Klassen.</translation>
    </message>
    <message>
        <source>Classified</source>
        <translation>Klassifiziert</translation>
    </message>
    <message>
        <source>Input raster</source>
        <translation>Eingaberaster</translation>
    </message>
    <message>
        <source>The image whose classes are told. Pixels without data need a nodata value or a mask.</source>
        <translation>Das Bild, dessen Klassen bestimmt werden. Pixel ohne Daten brauchen einen Nodata-Wert oder eine Maske.</translation>
    </message>
    <message>
        <source>Probabilities</source>
        <translation>Wahrscheinlichkeiten</translation>
    </message>
    <message>
        <source>The probability of each class, a band each, where the model can tell it.</source>
        <translation>Die Wahrscheinlichkeit jeder Klasse, je ein Kanal, wo das Modell sie nennen kann.</translation>
    </message>
    <message>
        <source>Confidence</source>
        <translation>Sicherheit</translation>
    </message>
    <message>
        <source>The probability of the class that was chosen, from 0 to 1, where the model can tell it.</source>
        <translation>Die Wahrscheinlichkeit der gewählten Klasse, von 0 bis 1, sofern das Modell sie angeben kann.</translation>
    </message>
    <message>
        <source>Uncertainty</source>
        <translation>Unsicherheit</translation>
    </message>
    <message>
        <source>How unsure the model is of each pixel, where it can tell it.</source>
        <translation>Wie unsicher das Modell bei jedem Pixel ist, wo es das nennen kann.</translation>
    </message>
    <message>
        <source>segmentation,land cover,classes,labels,mask,polygons,vectorize,diffusion</source>
        <translation>Segmentierung,Landbedeckung,Klassen,Maske,Polygone,vektorisieren,Diffusion,segmentation</translation>
    </message>
    <message>
        <source>Polygons</source>
        <translation>Polygone</translation>
    </message>
    <message>
        <source>The areas of each class as polygons with its name, in a GeoPackage (.gpkg), drawn in its colours.</source>
        <translation>Die Flächen jeder Klasse als Polygone mit ihrem Namen, in einem GeoPackage (.gpkg), in ihren Farben gezeichnet.</translation>
    </message>
    <message>
        <source>Smallest polygon (square metres)</source>
        <translation>Kleinstes Polygon (m²)</translation>
    </message>
    <message>
        <source>Simplify polygons by (m)</source>
        <translation>Polygone vereinfachen um (m)</translation>
    </message>
    <message>
        <source>classification,land use,scene,patches,classes,labels,diffusion</source>
        <translation>Klassifizierung,Landnutzung,Szene,Ausschnitte,Kacheln,Klassen,Diffusion,classification</translation>
    </message>
    <message>
        <source>Patches</source>
        <translation>Ausschnitte</translation>
    </message>
    <message>
        <source>A square a patch with its class and the score of it, in a GeoPackage (.gpkg).</source>
        <translation>Ein Quadrat je Ausschnitt mit seiner Klasse und deren Wert, in einem GeoPackage (.gpkg).</translation>
    </message>
    <message>
        <source>Engine doctor</source>
        <translation>Engine-Diagnose</translation>
    </message>
    <message>
        <source>Engine</source>
        <translation>Engine</translation>
    </message>
    <message>
        <source>Examines the engine: its Python and packages, the device that really computes, the models byte by byte, and a run of a few seconds. Each failure comes with what to do.

The report opens in the result viewer. Copy it into a message when you ask for help.

An engine is set up in Settings &gt; Options &gt; Seamline.</source>
        <translation>Untersucht die Engine: ihr Python und ihre Pakete, das Gerät, das wirklich rechnet, die Modelle Byte für Byte, und einen Lauf von wenigen Sekunden. Zu jedem Fehler steht, was zu tun ist.

Der Bericht öffnet sich in der Ergebnisanzeige. Beim Fragen um Hilfe mitschicken.

Eine Engine wird unter Einstellungen &gt; Optionen &gt; Seamline eingerichtet.</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>Bericht</translation>
    </message>
    <message>
        <source>A page with every finding, to read or to send.</source>
        <translation>Eine Seite mit jedem Befund, zum Lesen oder Verschicken.</translation>
    </message>
    <message>
        <source>check,diagnose,installation,versions,gpu,cuda,setup,models</source>
        <translation>prüfen,Diagnose,Installation,Versionen,GPU,CUDA,Einrichtung,Modelle</translation>
    </message>
    <message>
        <source>Number of failures</source>
        <translation>Zahl der Fehler</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>Abgebrochen</translation>
    </message>
    <message>
        <source>Python of the engine</source>
        <translation>Python der Engine</translation>
    </message>
    <message>
        <source>engine</source>
        <translation>Engine</translation>
    </message>
    <message>
        <source>the report cannot be written ({reason})</source>
        <translation>der Bericht kann nicht geschrieben werden ({reason})</translation>
    </message>
    <message>
        <source>Evaluate fused image</source>
        <translation>Fusioniertes Bild bewerten</translation>
    </message>
    <message>
        <source>Measures how good a fused image is: against a reference image where there is one (Q2n, SAM, ERGAS, SCC, PSNR, SSIM), or against the panchromatic and the multispectral image that it was made of (D_lambda, D_s, HQNR, consistency).

With Wald's protocol it measures a model instead: both images are degraded by their ratio, the model fuses them, and the result is compared with the multispectral image as it was delivered.

Rank by a reference first. Indices without one favour smooth results; differences of a hundredth mean nothing.</source>
        <translation>Misst, wie gut ein fusioniertes Bild ist: gegen ein Referenzbild, wo es eines gibt (Q2n, SAM, ERGAS, SCC, PSNR, SSIM), oder gegen das panchromatische und das multispektrale Bild, aus denen es entstand (D_lambda, D_s, HQNR, Konsistenz).

Mit dem Protokoll von Wald misst es stattdessen ein Modell: beide Bilder werden um ihr Verhältnis vergröbert, das Modell fusioniert sie, und das Ergebnis wird mit dem Multispektralbild verglichen, wie es geliefert wurde.

Zuerst nach einer Referenz ordnen. Indizes ohne Referenz bevorzugen glatte Ergebnisse; Unterschiede von einem Hundertstel bedeuten nichts.</translation>
    </message>
    <message>
        <source>Panchromatic pixels along one multispectral pixel, for ERGAS. Empty: from the two images.</source>
        <translation>Panchromatische Pixel entlang eines multispektralen Pixels, für ERGAS. Leer: aus den beiden Bildern.</translation>
    </message>
    <message>
        <source>Bit depth of the data, such as 11, for PSNR and SSIM. Empty: that of the data type.</source>
        <translation>Bittiefe der Daten, etwa 11, für PSNR und SSIM. Leer: die des Datentyps.</translation>
    </message>
    <message>
        <source>Pixels that are left out on every side when comparing with a reference. Empty: none.</source>
        <translation>Pixel, die beim Vergleich mit einer Referenz an jeder Seite weggelassen werden. Leer: keine.</translation>
    </message>
    <message>
        <source>Where multispectral pixels lie. area: at their true centres. dlpan: as in the DLPan toolbox.</source>
        <translation>Wo multispektrale Pixel liegen. area: in ihren wahren Mitten. dlpan: wie in der DLPan-Toolbox.</translation>
    </message>
    <message>
        <source>Degrade both images, run the model on them, and compare with the multispectral image.</source>
        <translation>Beide Bilder vergröbern, das Modell darauf anwenden und mit dem Multispektralbild vergleichen.</translation>
    </message>
    <message>
        <source>The model that Wald's protocol measures; it does nothing otherwise.</source>
        <translation>Das Modell, das mit dem Protokoll von Wald gemessen wird; sonst ohne Wirkung.</translation>
    </message>
    <message>
        <source>A folder with a model of your own (model.json and .safetensors); it takes the place of the model.</source>
        <translation>Ein Ordner mit einem eigenen Modell (model.json und .safetensors); er tritt an die Stelle des Modells.</translation>
    </message>
    <message>
        <source>Table</source>
        <translation>Tabelle</translation>
    </message>
    <message>
        <source>A page with every metric, its best value, and what it compares with.</source>
        <translation>Eine Seite mit jeder Maßzahl, ihrem besten Wert und dem, womit sie vergleicht.</translation>
    </message>
    <message>
        <source>The same for programs: a value is null where it is infinite.</source>
        <translation>Dasselbe für Programme: ein unendlicher Wert ist null.</translation>
    </message>
    <message>
        <source>quality,metrics,q4,q8,q2n,sam,ergas,hqnr,qnr,psnr,ssim,wald,pansharpen</source>
        <translation>Qualität,Maßzahlen,Q4,Q8,Q2n,SAM,ERGAS,HQNR,QNR,PSNR,SSIM,Wald,Pan-Sharpening</translation>
    </message>
    <message>
        <source>Ratio</source>
        <translation>Verhältnis</translation>
    </message>
    <message>
        <source>Bit depth</source>
        <translation>Bittiefe</translation>
    </message>
    <message>
        <source>Rim (px)</source>
        <translation>Rand (px)</translation>
    </message>
    <message>
        <source>Place of the pixels</source>
        <translation>Lage der Pixel</translation>
    </message>
    <message>
        <source>Fused raster</source>
        <translation>Fusioniertes Raster</translation>
    </message>
    <message>
        <source>The image to measure. Leave it empty with Wald's protocol.</source>
        <translation>Das Bild, das gemessen wird. Mit dem Protokoll von Wald leer lassen.</translation>
    </message>
    <message>
        <source>What the fused image should equal, where that is known.</source>
        <translation>Was das fusionierte Bild treffen soll, wo das bekannt ist.</translation>
    </message>
    <message>
        <source>The panchromatic image that the fused image was made of.</source>
        <translation>Das panchromatische Bild, aus dem das fusionierte entstand.</translation>
    </message>
    <message>
        <source>The multispectral image that the fused image was made of.</source>
        <translation>Das multispektrale Bild, aus dem das fusionierte entstand.</translation>
    </message>
    <message>
        <source>Wald's protocol: measure a model</source>
        <translation>Protokoll von Wald: ein Modell messen</translation>
    </message>
    <message>
        <source>Model folder</source>
        <translation>Modellordner</translation>
    </message>
    <message>
        <source>Wald's protocol needs the panchromatic and the multispectral raster, and no other</source>
        <translation>das Protokoll von Wald braucht das panchromatische und das multispektrale Raster und kein anderes</translation>
    </message>
    <message>
        <source>there is no image to measure</source>
        <translation>es gibt kein Bild zu messen</translation>
    </message>
    <message>
        <source>give these two and leave the fused raster and the reference empty</source>
        <translation>diese beiden angeben und das fusionierte Raster und die Referenz leer lassen</translation>
    </message>
    <message>
        <source>choose one, or tick Wald's protocol to measure a model</source>
        <translation>eines wählen, oder das Protokoll von Wald ankreuzen, um ein Modell zu messen</translation>
    </message>
    <message>
        <source>there is nothing to compare the image with</source>
        <translation>es gibt nichts, womit das Bild zu vergleichen wäre</translation>
    </message>
    <message>
        <source>give a reference, or both the panchromatic and the multispectral raster</source>
        <translation>eine Referenz angeben, oder das panchromatische und das multispektrale Raster</translation>
    </message>
    <message>
        <source>Evaluate map of classes</source>
        <translation>Klassenkarte bewerten</translation>
    </message>
    <message>
        <source>Measures how good a map of classes is, such as one of Segment or Classify patches, against labels that were not trained on: IoU and F1 of each class, their means, the share of pixels that are right, and what was taken for what.

Classes are matched by name where the map has names, and by number otherwise. Pixels without data and ground without labels do not count.</source>
        <translation>Misst, wie gut eine Klassenkarte ist, etwa eine von Segmentieren oder Bildausschnitte klassifizieren, an Labels, mit denen nicht trainiert wurde: IoU und F1 jeder Klasse, ihre Mittel, der Anteil richtiger Pixel, und was womit verwechselt wurde.

Klassen werden über ihre Namen zugeordnet, wo die Karte Namen hat, sonst über ihre Nummern. Pixel ohne Daten und Flächen ohne Labels zählen nicht.</translation>
    </message>
    <message>
        <source>A raster whose first band numbers the classes.</source>
        <translation>Ein Raster, dessen erster Kanal die Klassen nummeriert.</translation>
    </message>
    <message>
        <source>A page with the quality of each class, and what was taken for what.</source>
        <translation>Eine Seite mit der Güte jeder Klasse und mit dem, was womit verwechselt wurde.</translation>
    </message>
    <message>
        <source>The same for programs: a value is null where it is not known.</source>
        <translation>Dasselbe für Programme: ein Wert ist null, wo er nicht bekannt ist.</translation>
    </message>
    <message>
        <source>Quality of the map</source>
        <translation>Güte der Karte</translation>
    </message>
    <message>
        <source>quality,metrics,iou,f1,accuracy,confusion,classes,segmentation,classification</source>
        <translation>Güte,Metriken,IoU,F1,Genauigkeit,Verwechslung,Klassen,Segmentierung,Klassifizierung,quality</translation>
    </message>
    <message>
        <source>Map of classes</source>
        <translation>Klassenkarte</translation>
    </message>
    <message>
        <source>Name of a class for all ground that no label covers: 'other', if you drew buildings alone. Empty: such ground is left out, and two classes at least must be labelled.</source>
        <translation>Name einer Klasse für alle Flächen ohne Label: 'Sonstiges', wenn nur Gebäude gezeichnet sind. Leer: solche Flächen bleiben außer Acht, und mindestens zwei Klassen brauchen Labels.</translation>
    </message>
    <message>
        <source>Class of the rest</source>
        <translation>Klasse des Rests</translation>
    </message>
    <message>
        <source>A layer of polygons or points, each of one class. Edits that are not saved yet, filters and 'Selected features only' count. It may lie in any CRS.</source>
        <translation>Ein Layer mit Polygonen oder Punkten, jedes von einer Klasse. Ungespeicherte Änderungen, Filter und 'Nur gewählte Objekte' gelten. Er darf in jedem KBS liegen.</translation>
    </message>
    <message>
        <source>The field that tells the class of each feature: a text or a whole number. Empty: all are of one class, which is called like the layer, and a class of the rest is needed.</source>
        <translation>Das Feld mit der Klasse jedes Objekts: ein Text oder eine ganze Zahl. Leer: alle sind von einer Klasse, die wie der Layer heißt, und eine Klasse des Rests ist nötig.</translation>
    </message>
    <message>
        <source>In place of a layer of labels: a raster whose first band numbers the classes, on any grid.</source>
        <translation>Anstelle eines Layers mit Labels: ein Raster, dessen erster Kanal die Klassen nummeriert, in beliebigem Gitter.</translation>
    </message>
    <message>
        <source>Label raster</source>
        <translation>Label-Raster</translation>
    </message>
    <message>
        <source>F1, mean of the classes</source>
        <translation>F1, Mittel der Klassen</translation>
    </message>
    <message>
        <source>Accuracy</source>
        <translation>Genauigkeit</translation>
    </message>
    <message>
        <source>QGIS cannot read a vector layer here</source>
        <translation>QGIS kann hier keinen Vektorlayer lesen</translation>
    </message>
    <message>
        <source>no class field is chosen</source>
        <translation>kein Klassenfeld ist gewählt</translation>
    </message>
    <message>
        <source>The labels have no CRS; they are taken to have that of the image</source>
        <translation>Die Labels haben kein KBS; es wird das des Bildes angenommen</translation>
    </message>
    <message>
        <source>there are two sources of labels</source>
        <translation>es gibt zwei Quellen von Labels</translation>
    </message>
    <message>
        <source>there are no labels</source>
        <translation>es gibt keine Labels</translation>
    </message>
    <message>
        <source>give a layer of polygons or points, or else a label raster</source>
        <translation>einen Layer mit Polygonen oder Punkten angeben, oder aber ein Label-Raster</translation>
    </message>
    <message>
        <source>choose a vector layer or file that exists</source>
        <translation>einen Vektorlayer oder eine Datei wählen, die es gibt</translation>
    </message>
    <message>
        <source>the layer has no features</source>
        <translation>der Layer hat keine Objekte</translation>
    </message>
    <message>
        <source>there is no field '{name}'</source>
        <translation>es gibt kein Feld '{name}'</translation>
    </message>
    <message>
        <source>choose one of {names}, or name a class of the rest</source>
        <translation>eines von {names} wählen, oder eine Klasse des Rests benennen</translation>
    </message>
    <message>
        <source>choose another layer</source>
        <translation>einen anderen Layer wählen</translation>
    </message>
    <message>
        <source>draw some, or look at its filter and at 'Selected features only'</source>
        <translation>welche zeichnen, oder seinen Filter und 'Nur gewählte Objekte' prüfen</translation>
    </message>
    <message>
        <source>the labels cannot be written ({reason})</source>
        <translation>die Labels können nicht geschrieben werden ({reason})</translation>
    </message>
    <message>
        <source>Side of a tile in pixels of the finest input. More is faster and takes more memory.</source>
        <translation>Seite einer Kachel in Pixeln der feinsten Eingabe. Mehr ist schneller und braucht mehr Speicher.</translation>
    </message>
    <message>
        <source>Pixels shared by neighbouring tiles, at most half a tile.</source>
        <translation>Pixel, die benachbarte Kacheln teilen, höchstens eine halbe Kachel.</translation>
    </message>
    <message>
        <source>Steps of a diffusion model. More takes longer.</source>
        <translation>Schritte eines Diffusionsmodells. Mehr dauert länger.</translation>
    </message>
    <message>
        <source>From 1 to 2: how strongly the reference is followed. Above 1 it takes twice as long.</source>
        <translation>Von 1 bis 2: wie stark der Referenz gefolgt wird. Über 1 dauert es doppelt so lange.</translation>
    </message>
    <message>
        <source>Guidance weight</source>
        <translation>Gewicht der Führung</translation>
    </message>
    <message>
        <source>Start of a diffusion model's noise: one seed, one picture. Empty: 0.</source>
        <translation>Anfang des Rauschens eines Diffusionsmodells: ein Startwert, ein Bild. Leer: 0.</translation>
    </message>
    <message>
        <source>Where the model runs. auto: the graphics card if it can be used, else the processor.</source>
        <translation>Wo das Modell rechnet. auto: die Grafikkarte, wenn sie brauchbar ist, sonst der Prozessor.</translation>
    </message>
    <message>
        <source>Hold the output, seen with the input's pixels, to the input. mtf: through the sensor's optics. area: as means over a pixel. on: mtf where a sensor is known, else area. auto: what the model recommends.</source>
        <translation>Die Ausgabe, mit den Pixeln der Eingabe gesehen, an der Eingabe halten. mtf: durch die Optik des Sensors. area: als Mittel über ein Pixel. on: mtf, wo ein Sensor bekannt ist, sonst area. auto: was das Modell empfiehlt.</translation>
    </message>
    <message>
        <source>Name of the sensor, such as WV3, GF2 or Sentinel-2, or a description file. Empty: measured on the two images; for a single one, typical optics.</source>
        <translation>Name des Sensors, etwa WV3, GF2 oder Sentinel-2, oder eine Beschreibungsdatei. Leer: an den beiden Bildern gemessen; bei einem einzelnen typische Optik.</translation>
    </message>
    <message>
        <source>Value of the pixels without data, whatever the files say. Empty: as the files declare it.</source>
        <translation>Wert der Pixel ohne Daten, was auch immer die Dateien sagen. Leer: wie die Dateien ihn angeben.</translation>
    </message>
    <message>
        <source>Measure the shift of the coarse image against the fine one, and correct it, up to eight coarse pixels.</source>
        <translation>Den Versatz des groben Bilds gegen das feine messen und ausgleichen, bis zu acht grobe Pixel.</translation>
    </message>
    <message>
        <source>Empty: the default of the model.</source>
        <translation>Leer: der Vorgabewert des Modells.</translation>
    </message>
    <message>
        <source>Tile (px)</source>
        <translation>Kachel (px)</translation>
    </message>
    <message>
        <source>Overlap (px)</source>
        <translation>Überlappung (px)</translation>
    </message>
    <message>
        <source>Denoising steps</source>
        <translation>Entrauschungsschritte</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>Startwert</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <source>Consistency with the input</source>
        <translation>Konsistenz mit der Eingabe</translation>
    </message>
    <message>
        <source>Sensor</source>
        <translation>Sensor</translation>
    </message>
    <message>
        <source>Value without data</source>
        <translation>Wert ohne Daten</translation>
    </message>
    <message>
        <source>Correct the shift between the images</source>
        <translation>Versatz zwischen den Bildern ausgleichen</translation>
    </message>
    <message>
        <source>default</source>
        <translation>Vorgabe</translation>
    </message>
    <message>
        <source>'{choice}' is not on offer</source>
        <translation>'{choice}' steht nicht zur Wahl</translation>
    </message>
    <message>
        <source>choose one of {names}</source>
        <translation>eines wählen von {names}</translation>
    </message>
    <message>
        <source>Pan-sharpen</source>
        <translation>Pan-Sharpening</translation>
    </message>
    <message>
        <source>Fuses a multispectral image with the panchromatic image of the same scene and writes the multispectral bands on the panchromatic pixels, as a Cloud Optimized GeoTIFF.

The scene is worked in overlapping tiles without seams, so it may have any size. Ratios need not be whole numbers. Pixels that are masked in an input are masked in the output.

The detail of a diffusion model is likely, not observed: compare with the input before you measure on it.</source>
        <translation>Fusioniert ein multispektrales Bild mit dem panchromatischen Bild derselben Szene und schreibt die multispektralen Kanäle auf den panchromatischen Pixeln, als Cloud Optimized GeoTIFF.

Die Szene wird in überlappenden Kacheln ohne Nähte bearbeitet, sie darf also jede Größe haben. Verhältnisse müssen keine ganzen Zahlen sein. In einer Eingabe maskierte Pixel sind in der Ausgabe maskiert.

Das Detail eines Diffusionsmodells ist wahrscheinlich, nicht beobachtet: mit der Eingabe vergleichen, bevor darauf gemessen wird.</translation>
    </message>
    <message>
        <source>Pan-sharpened</source>
        <translation>Pan-geschärft</translation>
    </message>
    <message>
        <source>pansharpen,fusion,panchromatic,multispectral,diffusion,brovey,gsa</source>
        <translation>Pan-Sharpening,Fusion,panchromatisch,multispektral,Diffusion,Brovey,GSA</translation>
    </message>
    <message>
        <source>The image whose bands are sharpened. Pixels without data need a nodata value or a mask.</source>
        <translation>Das Bild, dessen Kanäle geschärft werden. Pixel ohne Daten brauchen einen Nodata-Wert oder eine Maske.</translation>
    </message>
    <message>
        <source>One band of the same scene in finer pixels. The output has its grid and its CRS.</source>
        <translation>Ein Kanal derselben Szene in feineren Pixeln. Die Ausgabe hat sein Gitter und sein KBS.</translation>
    </message>
    <message>
        <source>'Model folder' takes one of your own.</source>
        <translation>'Modellordner' nimmt ein eigenes.</translation>
    </message>
    <message>
        <source>The standard deviation of every pixel, in the units of the output, where the model can tell it. Left out unless you ask for it.</source>
        <translation>Die Standardabweichung jedes Pixels, in den Einheiten der Ausgabe, wo das Modell sie nennen kann. Entfällt, wenn sie nicht verlangt wird.</translation>
    </message>
    <message>
        <source>The bands to work on, and their order in the output. Empty: all bands.</source>
        <translation>Die Kanäle, die bearbeitet werden, und ihre Reihenfolge in der Ausgabe. Leer: alle Kanäle.</translation>
    </message>
    <message>
        <source>The part to compute; the whole scene when empty. The tiles are those of the whole scene, so a part has the very pixels of the full run: try the canvas extent first.</source>
        <translation>Der Teil, der gerechnet wird; leer die ganze Szene. Die Kacheln sind die der ganzen Szene, ein Teil hat also genau die Pixel des ganzen Laufs: zuerst die Ausdehnung des Kartenfensters versuchen.</translation>
    </message>
    <message>
        <source>Keep the finished parts of a run that is cancelled or fails, in a folder beside the output; the next run with the same settings and the same output goes on from there. Needs an output file that is not temporary.</source>
        <translation>Die fertigen Teile eines abgebrochenen oder gescheiterten Laufs in einem Ordner neben der Ausgabe behalten; der nächste Lauf mit denselben Einstellungen und derselben Ausgabe fährt dort fort. Braucht eine Ausgabedatei, die nicht temporär ist.</translation>
    </message>
    <message>
        <source>A Cloud Optimized GeoTIFF (.tif). It replaces an older file only once it is complete.</source>
        <translation>Ein Cloud Optimized GeoTIFF (.tif). Es ersetzt eine ältere Datei erst, wenn es vollständig ist.</translation>
    </message>
    <message>
        <source>Names of further outputs of the model, with commas, for a model that has more than there are fields here. Each becomes a raster beside the output, named after it.</source>
        <translation>Namen weiterer Ausgaben des Modells, mit Kommas, für ein Modell, das mehr hat, als es hier Felder gibt. Jede wird ein Raster neben der Ausgabe, nach ihr benannt.</translation>
    </message>
    <message>
        <source>A page with a before/after swipe, seam score, consistency, timings and how the output was made.</source>
        <translation>Eine Seite mit Vorher-Nachher-Schieber, Nahtwert, Konsistenz, Zeiten und der Entstehung der Ausgabe.</translation>
    </message>
    <message>
        <source>Support</source>
        <translation>Beleg</translation>
    </message>
    <message>
        <source>What the model added to every pixel beyond what the input determines: its share in the local detail, from 0 to 1, then how much of each band, in the units of the output. Any model can tell it. Left out unless you ask for it.</source>
        <translation>Was das Modell jedem Pixel über das hinaus hinzugefügt hat, was die Eingabe bestimmt: der Anteil am örtlichen Detail, von 0 bis 1, dann wie viel in jedem Kanal, in den Einheiten der Ausgabe. Jedes Modell kann es angeben. Entfällt, wenn es nicht verlangt wird.</translation>
    </message>
    <message>
        <source>Models that can: {names}.</source>
        <translation>Modelle, die es können: {names}.</translation>
    </message>
    <message>
        <source>all bands</source>
        <translation>alle Kanäle</translation>
    </message>
    <message>
        <source>Keep for resume</source>
        <translation>Zum Fortsetzen behalten</translation>
    </message>
    <message>
        <source>Other outputs</source>
        <translation>Andere Ausgaben</translation>
    </message>
    <message>
        <source>the engine reports success but wrote no file</source>
        <translation>die Engine meldet Erfolg, schrieb aber keine Datei</translation>
    </message>
    <message>
        <source>Reading the inputs, and looking what the run will need</source>
        <translation>Die Eingaben werden gelesen, und was der Lauf brauchen wird, wird geschätzt</translation>
    </message>
    <message>
        <source>no model is chosen</source>
        <translation>es ist kein Modell gewählt</translation>
    </message>
    <message>
        <source>Models:</source>
        <translation>Modelle:</translation>
    </message>
    <message>
        <source>none of those on offer</source>
        <translation>keines der angebotenen</translation>
    </message>
    <message>
        <source>the log above says more</source>
        <translation>das Protokoll oben sagt mehr</translation>
    </message>
    <message>
        <source>give fewer, or choose another model</source>
        <translation>weniger angeben, oder ein anderes Modell wählen</translation>
    </message>
    <message>
        <source>draw it on the layer, or leave it empty for the whole scene</source>
        <translation>auf dem Layer aufziehen, oder für die ganze Szene leer lassen</translation>
    </message>
    <message>
        <source>give names such as probabilities, with commas between them</source>
        <translation>Namen wie probabilities angeben, mit Kommas dazwischen</translation>
    </message>
    <message>
        <source>leave it out, or choose another model</source>
        <translation>es auslassen, oder ein anderes Modell wählen</translation>
    </message>
    <message>
        <source>the model {model} takes 1 to {most} steps, not {steps}</source>
        <translation>das Modell {model} nimmt 1 bis {most} Schritte, nicht {steps}</translation>
    </message>
    <message>
        <source>the extent does not meet the layer '{name}'</source>
        <translation>die Ausdehnung trifft den Layer '{name}' nicht</translation>
    </message>
    <message>
        <source>There is no report: {reason}</source>
        <translation>Es gibt keinen Bericht: {reason}</translation>
    </message>
    <message>
        <source>'{name}' is not the name of an output</source>
        <translation>'{name}' ist nicht der Name einer Ausgabe</translation>
    </message>
    <message>
        <source>choose one, or give its folder under '{name}'</source>
        <translation>eines wählen, oder seinen Ordner unter '{name}' angeben</translation>
    </message>
    <message>
        <source>the model {model} takes no such raster</source>
        <translation>das Modell {model} nimmt kein solches Raster</translation>
    </message>
    <message>
        <source>the model {model} cannot tell how uncertain its pixels are</source>
        <translation>das Modell {model} kann nicht sagen, wie unsicher seine Pixel sind</translation>
    </message>
    <message>
        <source>the model {model} has no further output '{name}'</source>
        <translation>das Modell {model} hat keine weitere Ausgabe '{name}'</translation>
    </message>
    <message>
        <source>Super-resolve with reference</source>
        <translation>Super-Resolution mit Referenz</translation>
    </message>
    <message>
        <source>Writes an image in finer pixels over the same extent, as a Cloud Optimized GeoTIFF, with the help of an older, finer image of the same ground.

The model weighs the reference pixel by pixel: it takes detail from it where the ground is as it was, and goes by the input where the ground has changed. The output 'Trust in the reference' shows which is which.

The scene is worked in overlapping tiles without seams, so it may have any size. Pixels that are masked in the input are masked in the output; where the reference shows nothing, the model goes without it.

A change that the input is too coarse to show can be missed, and old detail then stays in the output: compare with the input before you measure on it.</source>
        <translation>Schreibt ein Bild in feineren Pixeln über dieselbe Ausdehnung, als Cloud Optimized GeoTIFF, mit Hilfe eines älteren, feineren Bildes desselben Gebiets.

Das Modell wägt die Referenz Pixel für Pixel ab: es nimmt Detail aus ihr, wo der Boden ist, wie er war, und richtet sich nach der Eingabe, wo er sich verändert hat. Die Ausgabe 'Vertrauen in die Referenz' zeigt, wo was gilt.

Die Szene wird in überlappenden Kacheln ohne Nähte bearbeitet, sie darf also jede Größe haben. In der Eingabe maskierte Pixel sind in der Ausgabe maskiert; wo die Referenz nichts zeigt, kommt das Modell ohne sie aus.

Eine Veränderung, für die die Eingabe zu grob ist, kann übersehen werden, und altes Detail bleibt dann in der Ausgabe: mit der Eingabe vergleichen, bevor darauf gemessen wird.</translation>
    </message>
    <message>
        <source>super-resolution,reference,older image,time series,change,trust,resolution,diffusion</source>
        <translation>Super-Resolution,Referenz,älteres Bild,Zeitreihe,Veränderung,Vertrauen,Auflösung,Diffusion</translation>
    </message>
    <message>
        <source>An older, finer image of the same ground. It may lie in any CRS, have holes, and cover only a part.</source>
        <translation>Ein älteres, feineres Bild desselben Gebiets. Es darf in jedem KBS liegen, Lücken haben und nur einen Teil abdecken.</translation>
    </message>
    <message>
        <source>Trust in the reference</source>
        <translation>Vertrauen in die Referenz</translation>
    </message>
    <message>
        <source>How far the reference was trusted in every pixel and band, from 0 to 1: low where the ground has changed, 0 where the reference shows nothing. Left out unless you ask for it.</source>
        <translation>Wie weit der Referenz in jedem Pixel und Kanal vertraut wurde, von 0 bis 1: wenig, wo sich der Boden verändert hat, 0, wo die Referenz nichts zeigt. Entfällt, wenn es nicht verlangt wird.</translation>
    </message>
    <message>
        <source>Super-resolve</source>
        <translation>Super-Resolution</translation>
    </message>
    <message>
        <source>Writes an image in finer pixels over the same extent, as a Cloud Optimized GeoTIFF.

The scene is worked in overlapping tiles without seams, so it may have any size. Pixels that are masked in the input are masked in the output.

The detail of a diffusion model is likely, not observed: compare with the input before you measure on it. Where there is an older, finer image of the same ground, use 'Super-resolve with reference'.</source>
        <translation>Schreibt ein Bild in feineren Pixeln über dieselbe Ausdehnung, als Cloud Optimized GeoTIFF.

Die Szene wird in überlappenden Kacheln ohne Nähte bearbeitet, sie darf also jede Größe haben. In der Eingabe maskierte Pixel sind in der Ausgabe maskiert.

Das Detail eines Diffusionsmodells ist wahrscheinlich, nicht beobachtet: mit der Eingabe vergleichen, bevor darauf gemessen wird. Wo es ein älteres, feineres Bild desselben Gebiets gibt, hilft 'Super-Resolution mit Referenz'.</translation>
    </message>
    <message>
        <source>Super-resolved</source>
        <translation>Hochaufgelöst</translation>
    </message>
    <message>
        <source>Scale</source>
        <translation>Faktor</translation>
    </message>
    <message>
        <source>Output pixels along one side of an input pixel: 4 turns 10 m into 2.5 m. Empty: the scale of the model, 4 for bicubic.</source>
        <translation>Ausgabepixel entlang einer Seite eines Eingabepixels: 4 macht aus 10 m 2,5 m. Leer: der Faktor des Modells, 4 bei bicubic.</translation>
    </message>
    <message>
        <source>super-resolution,upscale,enhance,resolution,diffusion,bicubic</source>
        <translation>Super-Resolution,vergrößern,verbessern,Auflösung,Diffusion,bikubisch</translation>
    </message>
    <message>
        <source>The image to refine. Pixels without data need a nodata value or a mask.</source>
        <translation>Das Bild, das verfeinert wird. Pixel ohne Daten brauchen einen Nodata-Wert oder eine Maske.</translation>
    </message>
    <message>
        <source>A finer image of the same ground, such as one of another date, for models that take one. It may lie in any CRS and cover only a part. Empty: none.</source>
        <translation>Ein feineres Bild desselben Gebiets, etwa eines anderen Datums, für Modelle, die eines nehmen. Es darf in jedem KBS liegen und nur einen Teil abdecken. Leer: keines.</translation>
    </message>
    <message>
        <source>Train on my labels</source>
        <translation>Mit eigenen Labels trainieren</translation>
    </message>
    <message>
        <source>Makes a model for classes of your own. Draw some polygons or points of each class on an image, with a field that tells the class; a few tens are enough to begin with. The generative model that comes with Seamline looks at the image, and a small network learns to tell your classes from what it sees.

Choose the folder as 'Model folder' in Segment or in Classify patches, for this image or for others of the same sensor and season.

A part of the labelled ground is held out and never trained on: the quality that is shown was measured there. It is rough where there are few labels.</source>
        <translation>Macht ein Modell für eigene Klassen. Zeichnen Sie auf einem Bild einige Polygone oder Punkte jeder Klasse, mit einem Feld, das die Klasse nennt; ein paar Dutzend reichen für den Anfang. Das generative Modell, das Seamline mitbringt, sieht sich das Bild an, und ein kleines Netz lernt, Ihre Klassen an dem zu unterscheiden, was es sieht.

Den Ordner als 'Modellordner' in Segmentieren oder in Bildausschnitte klassifizieren wählen, für dieses Bild oder für andere desselben Sensors und derselben Jahreszeit.

Ein Teil der Flächen mit Labels wird zurückgehalten und nie zum Training benutzt: dort ist die angezeigte Güte gemessen. Bei wenigen Labels ist sie ungenau.</translation>
    </message>
    <message>
        <source>segment: the class of every pixel. classify: the class of every patch of the image.</source>
        <translation>segment: die Klasse jedes Pixels. classify: die Klasse jedes Ausschnitts des Bildes.</translation>
    </message>
    <message>
        <source>Most minutes of training; it ends earlier where nothing is gained any more. Empty: 10.</source>
        <translation>Höchstdauer des Trainings in Minuten; es endet früher, wenn nichts mehr gewonnen wird. Leer: 10.</translation>
    </message>
    <message>
        <source>Side of a patch in pixels of the image, for classify alone. Empty: 64, or what the backbone needs.</source>
        <translation>Seitenlänge eines Ausschnitts in Pixeln des Bildes, nur für classify. Leer: 64, oder was das Basismodell braucht.</translation>
    </message>
    <message>
        <source>How what the generative model sees is put together. global: one weight for each of its layers. local: weights of each place. experts: networks of which each place chooses two. auto: global.</source>
        <translation>Wie zusammengefügt wird, was das generative Modell sieht. global: ein Gewicht je Schicht. local: Gewichte je Ort. experts: Netze, von denen jeder Ort zwei wählt. auto: global.</translation>
    </message>
    <message>
        <source>Name or folder of the generative model that looks at the image. Empty: the one that ships.</source>
        <translation>Name oder Ordner des generativen Modells, das sich das Bild ansieht. Leer: das mitgelieferte.</translation>
    </message>
    <message>
        <source>Numbers of the bands that are looked at, with commas. Empty: all.</source>
        <translation>Nummern der Kanäle, die angesehen werden, mit Kommas. Leer: alle.</translation>
    </message>
    <message>
        <source>Share of the labelled ground that is held out to measure quality. Empty: 0.2. At 0 nothing is measured.</source>
        <translation>Anteil der Flächen mit Labels, der zurückgehalten wird, um die Güte zu messen. Leer: 0.2. Bei 0 wird nichts gemessen.</translation>
    </message>
    <message>
        <source>Number of a class that means that nothing is known, such as 0 in a raster without a nodata value.</source>
        <translation>Nummer einer Klasse, die bedeutet, dass nichts bekannt ist, etwa 0 in einem Raster ohne Nodata-Wert.</translation>
    </message>
    <message>
        <source>Start of what chance decides: the ground that is held out and the first weights. Empty: 0.</source>
        <translation>Start dessen, was der Zufall bestimmt: die zurückgehaltenen Flächen und die ersten Gewichte. Leer: 0.</translation>
    </message>
    <message>
        <source>To use the model, choose {folder} as 'Model folder' in '{algorithm}'</source>
        <translation>Um das Modell zu benutzen, {folder} als 'Modellordner' in '{algorithm}' wählen</translation>
    </message>
    <message>
        <source>The image that the labels were drawn on, or several with the same bands.</source>
        <translation>Das Bild, auf dem die Labels gezeichnet sind, oder mehrere mit denselben Kanälen.</translation>
    </message>
    <message>
        <source>A page with the quality of each class on ground that was held out, and what was taken for what.</source>
        <translation>Eine Seite mit der Güte jeder Klasse auf zurückgehaltenen Flächen und mit dem, was womit verwechselt wurde.</translation>
    </message>
    <message>
        <source>Quality of the model</source>
        <translation>Güte des Modells</translation>
    </message>
    <message>
        <source>train,labels,polygons,classes,segmentation,classification,model,land cover,diffusion</source>
        <translation>trainieren,Labels,Polygone,Klassen,Segmentierung,Klassifizierung,Modell,Landbedeckung,Diffusion,train</translation>
    </message>
    <message>
        <source>Task</source>
        <translation>Aufgabe</translation>
    </message>
    <message>
        <source>Minutes</source>
        <translation>Minuten</translation>
    </message>
    <message>
        <source>Patch (px)</source>
        <translation>Ausschnitt (px)</translation>
    </message>
    <message>
        <source>Fuser</source>
        <translation>Fusion der Merkmale</translation>
    </message>
    <message>
        <source>Backbone</source>
        <translation>Basismodell</translation>
    </message>
    <message>
        <source>Held out</source>
        <translation>Zurückgehaltener Anteil</translation>
    </message>
    <message>
        <source>Value to ignore</source>
        <translation>Zu übergehender Wert</translation>
    </message>
    <message>
        <source>QGIS cannot read a raster here</source>
        <translation>QGIS kann hier kein Raster lesen</translation>
    </message>
    <message>
        <source>choose a raster layer or file that exists</source>
        <translation>einen Rasterlayer oder eine Datei wählen, die es gibt</translation>
    </message>
    <message>
        <source>What was taken for what: {path}</source>
        <translation>Was womit verwechselt wurde: {path}</translation>
    </message>
    <message>
        <source>its pixels are turned against those of {other}</source>
        <translation>seine Pixel sind gegen die von {other} gedreht</translation>
    </message>
    <message>
        <source>its pixels are larger than those of {other} ({ratio} times)</source>
        <translation>seine Pixel sind größer als die von {other} ({ratio}-mal)</translation>
    </message>
    <message>
        <source>it does not overlap {other}</source>
        <translation>es überlappt {other} nicht</translation>
    </message>
    <message>
        <source>its CRS {own} differs from {theirs} of {other}</source>
        <translation>sein KBS {own} ist ein anderes als {theirs} von {other}</translation>
    </message>
    <message>
        <source>it has no CRS, while {other} has one</source>
        <translation>es hat kein KBS, {other} aber hat eines</translation>
    </message>
    <message>
        <source>nothing transforms between its CRS and that of {other}</source>
        <translation>zwischen seinem KBS und dem von {other} gibt es keine Umrechnung</translation>
    </message>
    <message>
        <source>it has no georeference, so it cannot be laid on the other input</source>
        <translation>es hat keine Georeferenz und kann nicht auf die andere Eingabe gelegt werden</translation>
    </message>
    <message>
        <source>it has no georeference, so {other} cannot be laid on it</source>
        <translation>es hat keine Georeferenz, und {other} kann nicht darauf gelegt werden</translation>
    </message>
    <message>
        <source>the inputs have no ground in common</source>
        <translation>die Eingaben zeigen kein gemeinsames Gebiet</translation>
    </message>
    <message>
        <source>its pixels are {width} x {height} px of the finest input; {model} takes {least} to {most}</source>
        <translation>seine Pixel sind {width} x {height} px der feinsten Eingabe; {model} nimmt {least} bis {most}</translation>
    </message>
    <message>
        <source>its shift against {other} cannot be measured</source>
        <translation>sein Versatz gegen {other} lässt sich nicht messen</translation>
    </message>
    <message>
        <source>it is placed by ground control points or RPCs only, without an affine georeference</source>
        <translation>es ist nur durch Passpunkte oder RPCs verortet, ohne affine Georeferenz</translation>
    </message>
    <message>
        <source>its pixels are no finer than those of {other}</source>
        <translation>seine Pixel sind nicht feiner als die von {other}</translation>
    </message>
    <message>
        <source>it is the {name} itself</source>
        <translation>es ist selbst {name}</translation>
    </message>
    <message>
        <source>a tile of {tile} px does not fit this model, which works in steps of {step} px</source>
        <translation>eine Kachel von {tile} px passt nicht zu diesem Modell, das in Schritten von {step} px arbeitet</translation>
    </message>
    <message>
        <source>an overlap of {overlap} px leaves no room in a tile of {tile} px</source>
        <translation>eine Überlappung von {overlap} px lässt in einer Kachel von {tile} px keinen Platz</translation>
    </message>
    <message>
        <source>an overlap of {overlap} px is less than twice this model's margin of {margin} px</source>
        <translation>eine Überlappung von {overlap} px ist weniger als das Doppelte des Randes dieses Modells von {margin} px</translation>
    </message>
    <message>
        <source>a tile of {tile} px is too small for this model, which speaks of patches of {patch} px</source>
        <translation>eine Kachel von {tile} px ist zu klein für dieses Modell, das von Ausschnitten von {patch} px spricht</translation>
    </message>
    <message>
        <source>{model} takes {count} band(s) as {input}, but it has {found}</source>
        <translation>{model} nimmt {count} Kanäle als {input}, dies hat {found}</translation>
    </message>
    <message>
        <source>its values have {bits} bits, and {model} takes the {wanted}-bit values of a sensor</source>
        <translation>seine Werte haben {bits} Bit, und {model} nimmt die {wanted}-Bit-Werte eines Sensors</translation>
    </message>
    <message>
        <source>its values have {bits} bits, and {model} knows images of {wanted} bits alone</source>
        <translation>seine Werte haben {bits} Bit, und {model} kennt nur Bilder von {wanted} Bit</translation>
    </message>
    <message>
        <source>{model} takes no input {name}, but {known}</source>
        <translation>{model} nimmt keine Eingabe {name}, sondern {known}</translation>
    </message>
    <message>
        <source>{model} needs an input {name}</source>
        <translation>{model} braucht eine Eingabe {name}</translation>
    </message>
    <message>
        <source>it holds nothing but alpha</source>
        <translation>es enthält nichts als Alpha</translation>
    </message>
    <message>
        <source>it holds no band of its own</source>
        <translation>es enthält keinen eigenen Kanal</translation>
    </message>
    <message>
        <source>complex values are not supported</source>
        <translation>komplexe Werte werden nicht unterstützt</translation>
    </message>
    <message>
        <source>it has no band {band}</source>
        <translation>es hat keinen Kanal {band}</translation>
    </message>
    <message>
        <source>it is truncated: {stored} of the {expected} bytes that its header states</source>
        <translation>es ist abgeschnitten: {stored} der {expected} Bytes, die sein Kopf nennt</translation>
    </message>
    <message>
        <source>it is not a local file</source>
        <translation>es ist keine Datei auf diesem Rechner</translation>
    </message>
    <message>
        <source>it lies on the server {host}, which may not be read from</source>
        <translation>es liegt auf dem Server {host}, von dem nicht gelesen werden darf</translation>
    </message>
    <message>
        <source>it is no address that is read</source>
        <translation>es ist keine Adresse, die gelesen wird</translation>
    </message>
    <message>
        <source>it holds a user's name or password</source>
        <translation>es enthält Namen oder Passwort eines Benutzers</translation>
    </message>
    <message>
        <source>it is no STAC item</source>
        <translation>es ist kein STAC-Item</translation>
    </message>
    <message>
        <source>it is not JSON</source>
        <translation>es ist kein JSON</translation>
    </message>
    <message>
        <source>no asset of the item is named</source>
        <translation>kein Asset des Items ist genannt</translation>
    </message>
    <message>
        <source>the item has no asset {name}</source>
        <translation>das Item hat kein Asset {name}</translation>
    </message>
    <message>
        <source>its asset {name} has no address</source>
        <translation>sein Asset {name} hat keine Adresse</translation>
    </message>
    <message>
        <source>its asset {name} lies outside its folder</source>
        <translation>sein Asset {name} liegt außerhalb seines Ordners</translation>
    </message>
    <message>
        <source>its item speaks of {count} band(s) of the asset {name}, but it has {found}</source>
        <translation>sein Item spricht von {count} Kanälen des Assets {name}, aber es hat {found}</translation>
    </message>
    <message>
        <source>the file does not exist</source>
        <translation>die Datei gibt es nicht</translation>
    </message>
    <message>
        <source>its name is not UTF-8</source>
        <translation>sein Name ist nicht in UTF-8</translation>
    </message>
    <message>
        <source>its metadata cannot be read ({reason})</source>
        <translation>seine Metadaten können nicht gelesen werden ({reason})</translation>
    </message>
    <message>
        <source>it cannot be opened as a raster of an allowed format</source>
        <translation>es lässt sich nicht als Raster eines erlaubten Formats öffnen</translation>
    </message>
    <message>
        <source>the product lacks the image of {band}, {image}</source>
        <translation>dem Produkt fehlt das Bild von {band}, {image}</translation>
    </message>
    <message>
        <source>its metadata have {what}</source>
        <translation>seine Metadaten haben {what}</translation>
    </message>
    <message>
        <source>its metadata end too early</source>
        <translation>seine Metadaten enden zu früh</translation>
    </message>
    <message>
        <source>its metadata are not XML ({reason})</source>
        <translation>seine Metadaten sind kein XML ({reason})</translation>
    </message>
    <message>
        <source>its metadata declare a document type</source>
        <translation>seine Metadaten erklären einen Dokumenttyp</translation>
    </message>
    <message>
        <source>it holds products of several kinds, {kinds}</source>
        <translation>es enthält Produkte mehrerer Arten, {kinds}</translation>
    </message>
    <message>
        <source>it holds more than one {kind} product</source>
        <translation>es enthält mehr als ein Produkt der Art {kind}</translation>
    </message>
    <message>
        <source>it holds {count} bands, not {expected}</source>
        <translation>es enthält {count} Kanäle, nicht {expected}</translation>
    </message>
    <message>
        <source>its bands lie in several mosaics</source>
        <translation>seine Kanäle liegen in mehreren Mosaiken</translation>
    </message>
    <message>
        <source>it is the mask of {image}, but lies on another grid</source>
        <translation>es ist die Maske von {image}, liegt aber auf einem anderen Raster</translation>
    </message>
    <message>
        <source>it has no flags in band {band}, as the mask of the product has</source>
        <translation>es hat in Kanal {band} keine Markierungen, wie sie die Maske des Produkts hat</translation>
    </message>
    <message>
        <source>the metadata of a {kind} product state its offsets and scales</source>
        <translation>die Metadaten eines Produkts der Art {kind} nennen seine Versätze und Faktoren</translation>
    </message>
    <message>
        <source>it has {own} band(s) and {other} {count}, and {model} takes the same of both</source>
        <translation>es hat {own} Kanäle und {other} {count}, und {model} nimmt von beiden gleich viele</translation>
    </message>
    <message>
        <source>rows {first} to {last} cannot be read ({reason})</source>
        <translation>die Zeilen {first} bis {last} können nicht gelesen werden ({reason})</translation>
    </message>
    <message>
        <source>values such as {value} are no measurements; they look like a nodata value that is not declared</source>
        <translation>Werte wie {value} sind keine Messungen; sie sehen aus wie ein Nodata-Wert, der nicht angegeben ist</translation>
    </message>
    <message>
        <source>no valid pixel was measured in the scene</source>
        <translation>in der Szene wurde kein gültiges Pixel gemessen</translation>
    </message>
    <message>
        <source>{what}, and this model brings bands of 20 m to 10 m</source>
        <translation>{what}, und dieses Modell bringt Kanäle von 20 m auf 10 m</translation>
    </message>
    <message>
        <source>there is no sensor {name}</source>
        <translation>es gibt keinen Sensor {name}</translation>
    </message>
    <message>
        <source>the image has {count} bands and {sensor} has {own} with gains of their own</source>
        <translation>das Bild hat {count} Kanäle, und {sensor} hat {own} mit eigener Verstärkung</translation>
    </message>
    <message>
        <source>no label has a class</source>
        <translation>kein Label hat eine Klasse</translation>
    </message>
    <message>
        <source>it holds {count} classes, and a class map has room for {most}</source>
        <translation>es enthält {count} Klassen, und eine Klassenkarte fasst {most}</translation>
    </message>
    <message>
        <source>all labels are of one class, {name}</source>
        <translation>alle Labels sind von einer Klasse, {name}</translation>
    </message>
    <message>
        <source>no label lies on an image</source>
        <translation>kein Label liegt auf einem Bild</translation>
    </message>
    <message>
        <source>no label lies on a valid pixel of the images</source>
        <translation>kein Label liegt auf einem gültigen Pixel der Bilder</translation>
    </message>
    <message>
        <source>it holds no polygon and no point that can be used</source>
        <translation>es enthält kein Polygon und keinen Punkt, die sich verwenden lassen</translation>
    </message>
    <message>
        <source>it has {count} bands, and labels have one</source>
        <translation>es hat {count} Kanäle, und Labels haben einen</translation>
    </message>
    <message>
        <source>it has a CRS and the image has none, so it cannot be laid on the image</source>
        <translation>es hat ein KBS und das Bild keines, deshalb kann es nicht auf das Bild gelegt werden</translation>
    </message>
    <message>
        <source>it has no CRS, and by its coordinates no label lies on an image</source>
        <translation>es hat kein KBS, und nach seinen Koordinaten liegt kein Label auf einem Bild</translation>
    </message>
    <message>
        <source>{what} holds fractions, which name no class</source>
        <translation>{what} enthält Brüche, die keine Klasse benennen</translation>
    </message>
    <message>
        <source>no pixel of the images is valid</source>
        <translation>kein Pixel der Bilder ist gültig</translation>
    </message>
    <message>
        <source>it has {own} band(s), and {other} has {count}</source>
        <translation>es hat {own} Kanäle, und {other} hat {count}</translation>
    </message>
    <message>
        <source>its band {own} stands where {other} has {theirs}</source>
        <translation>sein Kanal {own} steht, wo {other} {theirs} hat</translation>
    </message>
    <message>
        <source>it has no place on the ground</source>
        <translation>es hat keinen Ort auf der Erde</translation>
    </message>
    <message>
        <source>{minutes} minute(s) are too few to look at one tile of each class ({done} of {total} were looked at)</source>
        <translation>{minutes} Minuten sind zu wenig, um von jeder Klasse eine Kachel anzusehen ({done} von {total} wurden angesehen)</translation>
    </message>
    <message>
        <source>a patch of {patch} px does not fit the backbone, which works in steps of {step} px</source>
        <translation>ein Ausschnitt von {patch} px passt nicht zum Basismodell, das in Schritten von {step} px arbeitet</translation>
    </message>
    <message>
        <source>no tile is left to train on</source>
        <translation>keine Kachel bleibt zum Trainieren übrig</translation>
    </message>
    <message>
        <source>segment tells every pixel apart</source>
        <translation>segment unterscheidet jedes Pixel</translation>
    </message>
    <message>
        <source>this model gives no features</source>
        <translation>dieses Modell liefert keine Merkmale</translation>
    </message>
    <message>
        <source>the page cannot be written ({reason})</source>
        <translation>die Seite kann nicht geschrieben werden ({reason})</translation>
    </message>
    <message>
        <source>the GeoPackage cannot be written ({reason})</source>
        <translation>das GeoPackage kann nicht geschrieben werden ({reason})</translation>
    </message>
    <message>
        <source>the folder cannot be written ({reason})</source>
        <translation>der Ordner kann nicht beschrieben werden ({reason})</translation>
    </message>
    <message>
        <source>the saved plan is damaged</source>
        <translation>der gespeicherte Plan ist beschädigt</translation>
    </message>
    <message>
        <source>another run works on this output</source>
        <translation>ein anderer Lauf arbeitet an dieser Ausgabe</translation>
    </message>
    <message>
        <source>another version of the program began this run</source>
        <translation>eine andere Version des Programms hat diesen Lauf begonnen</translation>
    </message>
    <message>
        <source>this is no folder of a run, but holds {name}</source>
        <translation>dies ist kein Ordner eines Laufs, sondern enthält {name}</translation>
    </message>
    <message>
        <source>this is no lock of a run</source>
        <translation>dies ist keine Sperre eines Laufs</translation>
    </message>
    <message>
        <source>a file of an earlier run cannot be deleted ({reason})</source>
        <translation>eine Datei eines früheren Laufs kann nicht gelöscht werden ({reason})</translation>
    </message>
    <message>
        <source>an unfinished run lies here</source>
        <translation>hier liegt ein unfertiger Lauf</translation>
    </message>
    <message>
        <source>the unfinished run is another one (it differs in {what})</source>
        <translation>der unfertige Lauf ist ein anderer (er unterscheidet sich in {what})</translation>
    </message>
    <message>
        <source>its name is too long</source>
        <translation>sein Name ist zu lang</translation>
    </message>
    <message>
        <source>the output is a link to {path}</source>
        <translation>die Ausgabe ist eine Verknüpfung zu {path}</translation>
    </message>
    <message>
        <source>the output is larger than a GeoTIFF can be</source>
        <translation>die Ausgabe ist größer, als ein GeoTIFF sein kann</translation>
    </message>
    <message>
        <source>the run needs up to {needed} of disk and {free} is free</source>
        <translation>der Lauf braucht bis zu {needed} Plattenplatz, und {free} sind frei</translation>
    </message>
    <message>
        <source>there is not enough memory for one tile</source>
        <translation>für eine Kachel ist nicht genug Arbeitsspeicher da</translation>
    </message>
    <message>
        <source>the model {model} gave values that are not finite</source>
        <translation>das Modell {model} lieferte Werte, die nicht endlich sind</translation>
    </message>
    <message>
        <source>the model {model} cannot say how uncertain its pixels are</source>
        <translation>das Modell {model} kann nicht sagen, wie unsicher seine Pixel sind</translation>
    </message>
    <message>
        <source>the model {model} has no further output {name}</source>
        <translation>das Modell {model} hat keine weitere Ausgabe {name}</translation>
    </message>
    <message>
        <source>the model {model} writes no image that its input could determine</source>
        <translation>das Modell {model} schreibt kein Bild, das seine Eingabe bestimmen könnte</translation>
    </message>
    <message>
        <source>its grid is turned against that of the output, so nothing tells what it determines</source>
        <translation>sein Gitter ist gegen das der Ausgabe gedreht, sodass nichts sagt, was es bestimmt</translation>
    </message>
    <message>
        <source>the output is no finer than the input, which determines all of it</source>
        <translation>die Ausgabe ist nicht feiner als die Eingabe, die sie ganz bestimmt</translation>
    </message>
    <message>
        <source>the model {model} tells the class of every pixel, not of patches</source>
        <translation>das Modell {model} nennt die Klasse jedes Pixels, nicht von Ausschnitten</translation>
    </message>
    <message>
        <source>the model {model} writes no map of classes</source>
        <translation>das Modell {model} schreibt keine Karte von Klassen</translation>
    </message>
    <message>
        <source>the model gives {planes} plane(s) of {output} in the range of {bands} band(s) of {input}</source>
        <translation>das Modell gibt {planes} Ebenen von {output} für {bands} Kanäle von {input}</translation>
    </message>
    <message>
        <source>it has {count} band(s) of {kind}, and a map of classes has one of whole numbers</source>
        <translation>es hat {count} Kanäle von {kind}, und eine Karte von Klassen hat einen von ganzen Zahlen</translation>
    </message>
    <message>
        <source>of its classes ({classes}) the map ({theirs}) has {known}</source>
        <translation>von seinen Klassen ({classes}) hat die Karte ({theirs}) {known}</translation>
    </message>
    <message>
        <source>it holds the number {number}, but {known}</source>
        <translation>es enthält die Zahl {number}, aber {known}</translation>
    </message>
    <message>
        <source>no pixel has both a class and a label</source>
        <translation>kein Pixel hat sowohl eine Klasse als auch ein Label</translation>
    </message>
    <message>
        <source>the image holds values that are not finite</source>
        <translation>das Bild enthält Werte, die nicht endlich sind</translation>
    </message>
    <message>
        <source>no 11 x 11 px are free of masked pixels</source>
        <translation>keine 11 x 11 px sind frei von maskierten Pixeln</translation>
    </message>
    <message>
        <source>{count} of its valid values lie outside 0 to {most}, which is what Q2n takes</source>
        <translation>{count} seiner gültigen Werte liegen außerhalb von 0 bis {most}, was Q2n nimmt</translation>
    </message>
    <message>
        <source>it has {own} bands and {other} has {count}</source>
        <translation>es hat {own} Kanäle, und {other} hat {count}</translation>
    </message>
    <message>
        <source>it has {count} bands</source>
        <translation>es hat {count} Kanäle</translation>
    </message>
    <message>
        <source>its pixels do not lie on those of {other}</source>
        <translation>seine Pixel liegen nicht auf denen von {other}</translation>
    </message>
    <message>
        <source>its {width} x {height} px reach beyond the {columns} x {rows} px of {other}</source>
        <translation>seine {width} x {height} px reichen über die {columns} x {rows} px von {other} hinaus</translation>
    </message>
    <message>
        <source>its grid is turned against that of {other}</source>
        <translation>sein Gitter ist gegen das von {other} gedreht</translation>
    </message>
    <message>
        <source>it covers no whole pixel of {other}</source>
        <translation>es deckt kein ganzes Pixel von {other} ab</translation>
    </message>
    <message>
        <source>a rim of {rim} px leaves nothing of an image of {width} x {height} px</source>
        <translation>ein Rand von {rim} px lässt von einem Bild von {width} x {height} px nichts übrig</translation>
    </message>
    <message>
        <source>no pixel is valid in the image and in its reference</source>
        <translation>kein Pixel ist im Bild und in seiner Referenz gültig</translation>
    </message>
    <message>
        <source>a ratio of {ratio} is not above 1</source>
        <translation>ein Verhältnis von {ratio} ist nicht größer als 1</translation>
    </message>
    <message>
        <source>there is no model {name}</source>
        <translation>es gibt kein Modell {name}</translation>
    </message>
    <message>
        <source>the model {model} is for {own}, not for {task}</source>
        <translation>das Modell {model} ist für {own}, nicht für {task}</translation>
    </message>
    <message>
        <source>the model {model} has scale {own}, not {wanted}</source>
        <translation>das Modell {model} hat den Faktor {own}, nicht {wanted}</translation>
    </message>
    <message>
        <source>{model} has no scale {scale}</source>
        <translation>{model} hat keinen Faktor {scale}</translation>
    </message>
    <message>
        <source>{text} does not say how branches weigh</source>
        <translation>{text} sagt nicht, wie die Zweige wiegen</translation>
    </message>
    <message>
        <source>the model {model} has no branch {branch} to weigh</source>
        <translation>das Modell {model} hat keinen Zweig {branch}, der zu gewichten wäre</translation>
    </message>
    <message>
        <source>{scale} is no scale of a branch</source>
        <translation>{scale} ist kein Gewicht eines Zweigs</translation>
    </message>
    <message>
        <source>{steps} steps are out of range</source>
        <translation>{steps} Schritte liegen außerhalb des Bereichs</translation>
    </message>
    <message>
        <source>a guidance of {weight} is out of range</source>
        <translation>ein Gewicht der Führung von {weight} liegt außerhalb des Bereichs</translation>
    </message>
    <message>
        <source>there is no {card} here</source>
        <translation>hier gibt es keine Datei {card}</translation>
    </message>
    <message>
        <source>the file is missing</source>
        <translation>die Datei fehlt</translation>
    </message>
    <message>
        <source>{found} bytes, not {listed}</source>
        <translation>{found} Bytes, nicht {listed}</translation>
    </message>
    <message>
        <source>no files are listed</source>
        <translation>es sind keine Dateien aufgeführt</translation>
    </message>
    <message>
        <source>not readable as safetensors ({reason})</source>
        <translation>nicht als safetensors lesbar ({reason})</translation>
    </message>
    <message>
        <source>not listed in {card}</source>
        <translation>nicht in {card} aufgeführt</translation>
    </message>
    <message>
        <source>links are not followed</source>
        <translation>Verknüpfungen wird nicht gefolgt</translation>
    </message>
    <message>
        <source>files of this kind can run code and do not belong in a model folder</source>
        <translation>Dateien dieser Art können Code ausführen und gehören nicht in einen Modellordner</translation>
    </message>
    <message>
        <source>the config does not describe this network ({reason})</source>
        <translation>die Konfiguration beschreibt dieses Netz nicht ({reason})</translation>
    </message>
    <message>
        <source>the architecture {name} is unknown; known are {known}</source>
        <translation>die Architektur {name} ist unbekannt; bekannt sind {known}</translation>
    </message>
    <message>
        <source>the model has changed since the run was planned</source>
        <translation>das Modell hat sich geändert, seit der Lauf geplant wurde</translation>
    </message>
    <message>
        <source>the model {model} cannot be adapted</source>
        <translation>das Modell {model} lässt sich nicht anpassen</translation>
    </message>
    <message>
        <source>this model was adapted already</source>
        <translation>dieses Modell wurde schon angepasst</translation>
    </message>
    <message>
        <source>{what} are too few to adapt a model to</source>
        <translation>{what} sind zu wenig, um ein Modell daran anzupassen</translation>
    </message>
    <message>
        <source>this installation of torch sees no CUDA device</source>
        <translation>diese Installation von torch sieht keine Grafikkarte (CUDA)</translation>
    </message>
    <message>
        <source>there is no CUDA device {number}</source>
        <translation>es gibt keine Grafikkarte (CUDA) {number}</translation>
    </message>
    <message>
        <source>this Python lacks a package ({what})</source>
        <translation>diesem Python fehlt ein Paket ({what})</translation>
    </message>
    <message>
        <source>unexpected {kind}: {what}</source>
        <translation>unerwarteter Fehler {kind}: {what}</translation>
    </message>
    <message>
        <source>the inputs hold no valid pixel here: the output is all nodata</source>
        <translation>die Eingaben haben hier kein gültiges Pixel: die Ausgabe ist überall ohne Daten</translation>
    </message>
    <message>
        <source>{path}: {count} of its shapes are left out: they have no class</source>
        <translation>{path}: {count} der Formen sind ausgelassen: sie haben keine Klasse</translation>
    </message>
    <message>
        <source>{path}: {count} of its shapes are left out: no polygons, no points, or empty</source>
        <translation>{path}: {count} der Formen sind ausgelassen: keine Polygone, keine Punkte, oder leer</translation>
    </message>
    <message>
        <source>{path}: {count} of its shapes were not valid and have been repaired</source>
        <translation>{path}: {count} der Formen waren ungültig und wurden repariert</translation>
    </message>
    <message>
        <source>{path}: {count} of its polygons overlap earlier ones of another class; the later counts</source>
        <translation>{path}: {count} der Polygone überlappen frühere einer anderen Klasse; das spätere zählt</translation>
    </message>
    <message>
        <source>{path}: its labels of {classes} do not count, for the map has no such class</source>
        <translation>{path}: die Labels von {classes} zählen nicht, denn die Karte hat keine solche Klasse</translation>
    </message>
    <message>
        <source>{classes}: no label lies on a valid pixel, so the model does not know it</source>
        <translation>{classes}: kein Label liegt auf einem gültigen Pixel, deshalb kennt das Modell diese Klasse nicht</translation>
    </message>
    <message>
        <source>it is shifted against {other} by {found}; up to {most} can be corrected</source>
        <translation>es ist gegen {other} um {found} versetzt; bis {most} lässt sich ausgleichen</translation>
    </message>
    <message>
        <source>its georeference is degenerate</source>
        <translation>seine Georeferenz ist entartet</translation>
    </message>
    <message>
        <source>the output cannot be written ({reason})</source>
        <translation>die Ausgabe kann nicht geschrieben werden ({reason})</translation>
    </message>
    <message>
        <source>a part of the output cannot be written ({reason})</source>
        <translation>ein Teil der Ausgabe kann nicht geschrieben werden ({reason})</translation>
    </message>
    <message>
        <source>this run needs {needed} of memory and {free} may be used</source>
        <translation>dieser Lauf braucht {needed} Arbeitsspeicher, und {free} stehen zur Verfügung</translation>
    </message>
    <message>
        <source>the base model that this model reads with is not here</source>
        <translation>das Basismodell, mit dem dieses Modell liest, ist nicht da</translation>
    </message>
    <message>
        <source>the model {model} takes no such setting: --{option}</source>
        <translation>das Modell {model} kennt diese Einstellung nicht: --{option}</translation>
    </message>
    <message>
        <source>'Sensor' does nothing unless 'Consistency with the input' is on</source>
        <translation>'Sensor' bewirkt nichts, solange 'Konsistenz mit der Eingabe' nicht auf on steht</translation>
    </message>
    <message>
        <source>{path}: the value {value} lies far from all others; if it stands for no data, name it as such</source>
        <translation>{path}: der Wert {value} liegt weit von allen anderen; steht er für fehlende Daten, geben Sie ihn als solchen an</translation>
    </message>
    <message>
        <source>{path}: the value {value} rims the scene; if it stands for no data, name it as such</source>
        <translation>{path}: der Wert {value} säumt die Szene; steht er für fehlende Daten, geben Sie ihn als solchen an</translation>
    </message>
    <message>
        <source>{minutes} minute(s) sufficed for {done} of {total} tiles, so the others were not used; give more minutes, or train again, which goes on from there</source>
        <translation>{minutes} Minuten reichten für {done} von {total} Kacheln, die übrigen wurden nicht verwendet; mehr Minuten geben, oder noch einmal trainieren, das macht dort weiter</translation>
    </message>
    <message>
        <source>check that the two inputs are not swapped</source>
        <translation>prüfen, ob die beiden Eingaben vertauscht sind</translation>
    </message>
    <message>
        <source>check that the inputs are not swapped; a pair needs a ratio above 1</source>
        <translation>prüfen, ob die Eingaben vertauscht sind; ein Paar braucht ein Verhältnis über 1</translation>
    </message>
    <message>
        <source>check that both show the same ground</source>
        <translation>prüfen, ob beide dasselbe Gebiet zeigen</translation>
    </message>
    <message>
        <source>check their georeference</source>
        <translation>ihre Georeferenz prüfen</translation>
    </message>
    <message>
        <source>repair the georeference</source>
        <translation>die Georeferenz reparieren</translation>
    </message>
    <message>
        <source>georeference it</source>
        <translation>es georeferenzieren</translation>
    </message>
    <message>
        <source>give bands of 10 and of 20 m, or use another model</source>
        <translation>Kanäle von 10 und von 20 m angeben, oder ein anderes Modell verwenden</translation>
    </message>
    <message>
        <source>give a file with that many bands</source>
        <translation>eine Datei mit so vielen Kanälen angeben</translation>
    </message>
    <message>
        <source>leave it out, or choose one of {names}</source>
        <translation>es auslassen, oder eine von {names} wählen</translation>
    </message>
    <message>
        <source>leave it out, or choose one</source>
        <translation>es auslassen, oder eines wählen</translation>
    </message>
    <message>
        <source>give amplitudes</source>
        <translation>Amplituden angeben</translation>
    </message>
    <message>
        <source>fetch it again</source>
        <translation>es neu beschaffen</translation>
    </message>
    <message>
        <source>fetch the product again</source>
        <translation>das Produkt neu beschaffen</translation>
    </message>
    <message>
        <source>give the metadata file of one</source>
        <translation>die Metadatendatei eines davon angeben</translation>
    </message>
    <message>
        <source>leave them out, or give the images as a stack</source>
        <translation>sie weglassen oder die Bilder als Stapel angeben</translation>
    </message>
    <message>
        <source>fetch the model again</source>
        <translation>das Modell neu beschaffen</translation>
    </message>
    <message>
        <source>remove it, or fetch the model again</source>
        <translation>sie entfernen, oder das Modell neu beschaffen</translation>
    </message>
    <message>
        <source>correct the file, or fetch the model again</source>
        <translation>die Datei berichtigen, oder das Modell neu beschaffen</translation>
    </message>
    <message>
        <source>put the file itself into the model folder</source>
        <translation>die Datei selbst in den Modellordner legen</translation>
    </message>
    <message>
        <source>name the folder that holds the model</source>
        <translation>den Ordner angeben, der das Modell enthält</translation>
    </message>
    <message>
        <source>install a version of the program that has it, or the package that registers it</source>
        <translation>eine Version des Programms installieren, die sie hat, oder das Paket, das sie anmeldet</translation>
    </message>
    <message>
        <source>start a new run with it</source>
        <translation>einen neuen Lauf damit beginnen</translation>
    </message>
    <message>
        <source>rename it</source>
        <translation>es umbenennen</translation>
    </message>
    <message>
        <source>check the path</source>
        <translation>den Pfad prüfen</translation>
    </message>
    <message>
        <source>download it first</source>
        <translation>es zuerst herunterladen</translation>
    </message>
    <message>
        <source>give a raster, or an item of STAC 1.0 or 1.1</source>
        <translation>ein Raster angeben, oder ein Item von STAC 1.0 oder 1.1</translation>
    </message>
    <message>
        <source>give {item}#NAME with names of {known}</source>
        <translation>{item}#NAME mit Namen aus {known} angeben</translation>
    </message>
    <message>
        <source>correct the item, or give the file itself</source>
        <translation>das Item berichtigen oder die Datei selbst angeben</translation>
    </message>
    <message>
        <source>fetch the item again</source>
        <translation>das Item neu herunterladen</translation>
    </message>
    <message>
        <source>the file or one beside it is damaged: fetch it again, or move the one beside it away</source>
        <translation>die Datei oder eine daneben ist beschädigt: sie neu beschaffen, oder die daneben wegräumen</translation>
    </message>
    <message>
        <source>the file is truncated or damaged: fetch it again</source>
        <translation>die Datei ist abgeschnitten oder beschädigt: sie neu beschaffen</translation>
    </message>
    <message>
        <source>give a finer {name}, or leave it out</source>
        <translation>ein feineres Raster als {name} angeben, oder es auslassen</translation>
    </message>
    <message>
        <source>give another file as {name}</source>
        <translation>eine andere Datei als {name} angeben</translation>
    </message>
    <message>
        <source>check the nodata value and the overlap</source>
        <translation>den Nodata-Wert und die Überlappung prüfen</translation>
    </message>
    <message>
        <source>check nodata values and masks</source>
        <translation>Nodata-Werte und Masken prüfen</translation>
    </message>
    <message>
        <source>check nodata values and masks of the images, or label elsewhere</source>
        <translation>Nodata-Werte und Masken der Bilder prüfen, oder anderswo Labels setzen</translation>
    </message>
    <message>
        <source>check their masks and nodata values</source>
        <translation>ihre Masken und Nodata-Werte prüfen</translation>
    </message>
    <message>
        <source>did you mean {name}? Known: {known}; describe others in a .json or .yaml file</source>
        <translation>war {name} gemeint? Bekannt: {known}; andere in einer .json- oder .yaml-Datei beschreiben</translation>
    </message>
    <message>
        <source>label another class too</source>
        <translation>noch eine Klasse mit Labels versehen</translation>
    </message>
    <message>
        <source>check the CRS of both, or give labels of that ground</source>
        <translation>das KBS von beiden prüfen, oder Labels von diesem Gebiet angeben</translation>
    </message>
    <message>
        <source>draw labels as polygons</source>
        <translation>Labels als Polygone zeichnen</translation>
    </message>
    <message>
        <source>give a raster of class numbers, or a vector file</source>
        <translation>ein Raster von Klassennummern oder eine Vektordatei angeben</translation>
    </message>
    <message>
        <source>label more places, or hold out less</source>
        <translation>mehr Stellen mit Labels versehen, oder weniger zurückhalten</translation>
    </message>
    <message>
        <source>give labels of its ground</source>
        <translation>Labels von seinem Gebiet angeben</translation>
    </message>
    <message>
        <source>give a class map, and set its nodata value if this number stands for none</source>
        <translation>eine Klassenkarte angeben, und ihren Nodata-Wert setzen, wenn diese Zahl für keine steht</translation>
    </message>
    <message>
        <source>close the programs that use it, delete the folder, and run again</source>
        <translation>die Programme schließen, die sie verwenden, den Ordner löschen, und noch einmal laufen lassen</translation>
    </message>
    <message>
        <source>delete the folder, start anew</source>
        <translation>den Ordner löschen, neu beginnen</translation>
    </message>
    <message>
        <source>wait for it, or choose another output</source>
        <translation>auf ihn warten, oder eine andere Ausgabe wählen</translation>
    </message>
    <message>
        <source>move it away, or choose another name for the output</source>
        <translation>ihn wegräumen, oder einen anderen Namen für die Ausgabe wählen</translation>
    </message>
    <message>
        <source>move it away, and run again</source>
        <translation>verschieben Sie es und starten Sie erneut</translation>
    </message>
    <message>
        <source>choose another place for the output</source>
        <translation>einen anderen Ort für die Ausgabe wählen</translation>
    </message>
    <message>
        <source>check the input's values there, or choose another model</source>
        <translation>die Werte der Eingabe dort prüfen, oder ein anderes Modell wählen</translation>
    </message>
    <message>
        <source>give the file that it names</source>
        <translation>die Datei angeben, zu der sie führt</translation>
    </message>
    <message>
        <source>give a shorter one</source>
        <translation>einen kürzeren angeben</translation>
    </message>
    <message>
        <source>give another name</source>
        <translation>einen anderen Namen angeben</translation>
    </message>
    <message>
        <source>choose another name</source>
        <translation>einen anderen Namen wählen</translation>
    </message>
    <message>
        <source>choose another place</source>
        <translation>einen anderen Ort wählen</translation>
    </message>
    <message>
        <source>mask them, or set a nodata value</source>
        <translation>sie maskieren, oder einen Nodata-Wert setzen</translation>
    </message>
    <message>
        <source>score a larger part</source>
        <translation>einen größeren Teil bewerten</translation>
    </message>
    <message>
        <source>score stored digital numbers, or set a nodata value if these stand for none</source>
        <translation>gespeicherte Zahlenwerte bewerten, oder einen Nodata-Wert setzen, wenn diese für keine stehen</translation>
    </message>
    <message>
        <source>compare images of the same bands</source>
        <translation>Bilder mit denselben Kanälen vergleichen</translation>
    </message>
    <message>
        <source>give PAN, which has one</source>
        <translation>das panchromatische Bild angeben, das einen hat</translation>
    </message>
    <message>
        <source>give the bands of MS that were fused</source>
        <translation>die Kanäle des multispektralen Bildes angeben, die fusioniert wurden</translation>
    </message>
    <message>
        <source>give a smaller one, 0 for none</source>
        <translation>einen kleineren angeben, 0 für keinen</translation>
    </message>
    <message>
        <source>give NAME#pan=0.5,ms=1, each scale from 0 to 2</source>
        <translation>geben Sie NAME#pan=0.5,ms=1 an, jedes Gewicht von 0 bis 2</translation>
    </message>
    <message>
        <source>its branches are {known}</source>
        <translation>seine Zweige sind {known}</translation>
    </message>
    <message>
        <source>leave out what follows the #</source>
        <translation>lassen Sie weg, was auf das # folgt</translation>
    </message>
    <message>
        <source>give 0 to {most}; 1 is as trained</source>
        <translation>geben Sie 0 bis {most} an; 1 ist wie gelernt</translation>
    </message>
    <message>
        <source>please report it with the lines above</source>
        <translation>bitte mit den Zeilen darüber melden</translation>
    </message>
    <message>
        <source>check that both show the same ground, and correct the georeference</source>
        <translation>prüfen, ob beide dasselbe Gebiet zeigen, und die Georeferenz berichtigen</translation>
    </message>
    <message>
        <source>reproject it to {crs} (Raster &gt; Projections &gt; Warp)</source>
        <translation>es nach {crs} umprojizieren (Raster &gt; Projektionen &gt; Transformieren)</translation>
    </message>
    <message>
        <source>assign its CRS (Raster &gt; Projections &gt; Assign Projection)</source>
        <translation>ihm sein KBS zuweisen (Raster &gt; Projektionen &gt; Projektion zuweisen)</translation>
    </message>
    <message>
        <source>assign the image its CRS (Raster &gt; Projections &gt; Assign Projection)</source>
        <translation>dem Bild sein KBS zuweisen (Raster &gt; Projektionen &gt; Projektion zuweisen)</translation>
    </message>
    <message>
        <source>set the CRS of its layer</source>
        <translation>das KBS seines Layers setzen</translation>
    </message>
    <message>
        <source>georeference it (Layer &gt; Georeferencer)</source>
        <translation>es georeferenzieren (Layer &gt; Georeferenzierung)</translation>
    </message>
    <message>
        <source>warp it (Raster &gt; Projections &gt; Warp)</source>
        <translation>es transformieren (Raster &gt; Projektionen &gt; Transformieren)</translation>
    </message>
    <message>
        <source>warp it (Raster &gt; Projections &gt; Warp), or leave 'Support' out</source>
        <translation>es transformieren (Raster &gt; Projektionen &gt; Transformieren), oder 'Beleg' weglassen</translation>
    </message>
    <message>
        <source>rectify it first (Raster &gt; Projections &gt; Warp)</source>
        <translation>es zuerst entzerren (Raster &gt; Projektionen &gt; Transformieren)</translation>
    </message>
    <message>
        <source>choose a tile of {tile} px</source>
        <translation>eine Kachel von {tile} px wählen</translation>
    </message>
    <message>
        <source>choose a tile of {tile} px or more</source>
        <translation>eine Kachel von {tile} px oder mehr wählen</translation>
    </message>
    <message>
        <source>choose an overlap of 0 to {most} px</source>
        <translation>eine Überlappung von 0 bis {most} px wählen</translation>
    </message>
    <message>
        <source>choose an overlap of {overlap} px or more, and a tile of {tile} px or more</source>
        <translation>eine Überlappung von {overlap} px oder mehr wählen, und eine Kachel von {tile} px oder mehr</translation>
    </message>
    <message>
        <source>choose that many under 'Bands'</source>
        <translation>so viele unter 'Kanäle' wählen</translation>
    </message>
    <message>
        <source>choose bands from 1 to {most}{known} under 'Bands'</source>
        <translation>unter 'Kanäle' Kanäle von 1 bis {most}{known} wählen</translation>
    </message>
    <message>
        <source>choose {count} under 'Bands', or another model</source>
        <translation>{count} unter 'Kanäle' wählen, oder ein anderes Modell</translation>
    </message>
    <message>
        <source>leave it out under 'Bands'</source>
        <translation>ihn unter 'Kanäle' auslassen</translation>
    </message>
    <message>
        <source>choose band 1 under 'Bands' to take that for data</source>
        <translation>Kanal 1 unter 'Kanäle' wählen, um dies für Daten zu nehmen</translation>
    </message>
    <message>
        <source>choose the bands that they have in common under 'Bands'</source>
        <translation>unter 'Kanäle' die gemeinsamen Kanäle wählen</translation>
    </message>
    <message>
        <source>give images with the same bands in the same order, or choose them under 'Bands'</source>
        <translation>Bilder mit denselben Kanälen in derselben Folge angeben, oder sie unter 'Kanäle' wählen</translation>
    </message>
    <message>
        <source>choose those of the image under 'Bands', or give a file with as many bands in the same order</source>
        <translation>die des Bildes unter 'Kanäle' wählen, oder eine Datei mit so vielen Kanälen in derselben Folge angeben</translation>
    </message>
    <message>
        <source>give the data as the sensor's operator delivers them, or choose another model</source>
        <translation>die Daten angeben, wie der Betreiber des Sensors sie liefert, oder ein anderes Modell wählen</translation>
    </message>
    <message>
        <source>convert it to bytes as the images were that the model learned from, or choose another model</source>
        <translation>es in Bytes umwandeln wie die Bilder, von denen das Modell gelernt hat, oder ein anderes Modell wählen</translation>
    </message>
    <message>
        <source>leave {name} out, or choose another model</source>
        <translation>{name} auslassen, oder ein anderes Modell wählen</translation>
    </message>
    <message>
        <source>choose another model: classical ones take any ratio</source>
        <translation>ein anderes Modell wählen: klassische nehmen jedes Verhältnis</translation>
    </message>
    <message>
        <source>untick 'Correct the shift between the images': small, flat, masked or turned scenes do not tell</source>
        <translation>den Haken bei 'Versatz zwischen den Bildern ausgleichen' wegnehmen: kleine, flache, maskierte oder gedrehte Szenen sagen es nicht</translation>
    </message>
    <message>
        <source>choose one of its layers, and save it as GeoTIFF</source>
        <translation>einen seiner Layer wählen und als GeoTIFF speichern</translation>
    </message>
    <message>
        <source>fetch the product again, or choose other bands under 'Bands'</source>
        <translation>das Produkt neu beschaffen oder unter 'Kanäle' andere wählen</translation>
    </message>
    <message>
        <source>lay the tiles of each together (Raster &gt; Miscellaneous &gt; Merge), and choose a stack of the files</source>
        <translation>die Kacheln jedes Mosaiks zusammenfügen (Raster &gt; Sonstiges &gt; Verschmelzen) und einen Stapel der Dateien wählen</translation>
    </message>
    <message>
        <source>remove it</source>
        <translation>sie entfernen</translation>
    </message>
    <message>
        <source>set the engine up again in Settings &gt; Options &gt; Seamline</source>
        <translation>die Engine unter Einstellungen &gt; Optionen &gt; Seamline neu einrichten</translation>
    </message>
    <message>
        <source>save it as GeoTIFF (Export &gt; Save As) and choose that file</source>
        <translation>als GeoTIFF speichern (Exportieren &gt; Speichern als) und diese Datei wählen</translation>
    </message>
    <message>
        <source>declare {value} as nodata value (Raster &gt; Conversion &gt; Translate)</source>
        <translation>{value} als Nodata-Wert angeben (Raster &gt; Konvertierung &gt; Übersetzen)</translation>
    </message>
    <message>
        <source>name the bands of the file ({names}), or write none as sensor</source>
        <translation>die Kanäle der Datei benennen ({names}), oder none als Sensor schreiben</translation>
    </message>
    <message>
        <source>fill the class field in, or choose another one</source>
        <translation>das Klassenfeld ausfüllen, oder ein anderes wählen</translation>
    </message>
    <message>
        <source>merge classes, or choose another class field</source>
        <translation>Klassen zusammenlegen, oder ein anderes Klassenfeld wählen</translation>
    </message>
    <message>
        <source>choose a class field of names or numbers</source>
        <translation>ein Klassenfeld mit Namen oder Zahlen wählen</translation>
    </message>
    <message>
        <source>give a 'Class of the rest', or choose the class field</source>
        <translation>'Klasse des Rests' angeben, oder das Klassenfeld wählen</translation>
    </message>
    <message>
        <source>label another class too, or give a 'Class of the rest'</source>
        <translation>noch eine Klasse mit Labels versehen, oder 'Klasse des Rests' angeben</translation>
    </message>
    <message>
        <source>choose another class field, or call its classes and that of the rest as {path} does</source>
        <translation>ein anderes Klassenfeld wählen, oder seine Klassen und die des Rests nennen wie {path}</translation>
    </message>
    <message>
        <source>give more minutes, or train again, which goes on from there</source>
        <translation>mehr Minuten geben, oder noch einmal trainieren, das macht dort weiter</translation>
    </message>
    <message>
        <source>leave it out, or choose classify as task</source>
        <translation>es auslassen, oder classify als Aufgabe wählen</translation>
    </message>
    <message>
        <source>give a map that 'Segment' or 'Classify patches' wrote</source>
        <translation>eine Karte angeben, die 'Segmentieren' oder 'Bildausschnitte klassifizieren' geschrieben hat</translation>
    </message>
    <message>
        <source>make room on the disk, then run it again with 'Keep for resume'</source>
        <translation>Platz auf der Platte schaffen, dann mit 'Zum Fortsetzen behalten' noch einmal laufen lassen</translation>
    </message>
    <message>
        <source>make room on the disk, or close the programs that use the file, then run it again</source>
        <translation>Platz auf der Platte schaffen, oder die Programme schließen, die die Datei verwenden, dann noch einmal laufen lassen</translation>
    </message>
    <message>
        <source>make room on the disk, or the folder writable, then run it again</source>
        <translation>Platz auf der Platte schaffen, oder den Ordner beschreibbar machen, dann noch einmal laufen lassen</translation>
    </message>
    <message>
        <source>untick 'Keep for resume' to start anew</source>
        <translation>den Haken bei 'Zum Fortsetzen behalten' wegnehmen, um neu zu beginnen</translation>
    </message>
    <message>
        <source>choose another disk for the output, or a smaller extent</source>
        <translation>eine andere Platte für die Ausgabe wählen, oder eine kleinere Ausdehnung</translation>
    </message>
    <message>
        <source>choose a smaller extent</source>
        <translation>eine kleinere Ausdehnung wählen</translation>
    </message>
    <message>
        <source>choose a smaller tile or extent, or close other programs</source>
        <translation>eine kleinere Kachel oder Ausdehnung wählen, oder andere Programme schließen</translation>
    </message>
    <message>
        <source>choose a smaller tile</source>
        <translation>eine kleinere Kachel wählen</translation>
    </message>
    <message>
        <source>ask for polygons, or choose a model of 'Classify patches'</source>
        <translation>Polygone anfordern, oder ein Modell von 'Bildausschnitte klassifizieren' wählen</translation>
    </message>
    <message>
        <source>compare images of one grid, or warp one (Raster &gt; Projections &gt; Warp)</source>
        <translation>Bilder auf einem Gitter vergleichen, oder eines transformieren (Raster &gt; Projektionen &gt; Transformieren)</translation>
    </message>
    <message>
        <source>clip it to what both cover (Raster &gt; Extraction &gt; Clip Raster by Extent)</source>
        <translation>es auf das gemeinsame Gebiet zuschneiden (Raster &gt; Extraktion &gt; Raster auf Ausdehnung zuschneiden)</translation>
    </message>
    <message>
        <source>choose one of {names}, or a model folder</source>
        <translation>eines von {names} wählen, oder einen Modellordner</translation>
    </message>
    <message>
        <source>use it for {task}, or choose one of {names}</source>
        <translation>es für {task} verwenden, oder eines von {names} wählen</translation>
    </message>
    <message>
        <source>choose 1 to {most}</source>
        <translation>1 bis {most} wählen</translation>
    </message>
    <message>
        <source>choose {least} to {most}</source>
        <translation>{least} bis {most} wählen</translation>
    </message>
    <message>
        <source>choose a larger scene</source>
        <translation>eine größere Szene wählen</translation>
    </message>
    <message>
        <source>use it as it is</source>
        <translation>es verwenden, wie es ist</translation>
    </message>
    <message>
        <source>run 'Engine doctor', or choose cpu</source>
        <translation>'Engine-Diagnose' laufen lassen, oder cpu wählen</translation>
    </message>
    <message>
        <source>run 'Engine doctor', which says how to set it up</source>
        <translation>'Engine-Diagnose' laufen lassen, die sagt, wie sie eingerichtet wird</translation>
    </message>
    <message>
        <source>the engine ended without naming its output</source>
        <translation>die Engine endete, ohne ihre Ausgabe zu nennen</translation>
    </message>
    <message>
        <source>the engine was cancelled from outside QGIS</source>
        <translation>die Engine wurde von außerhalb von QGIS abgebrochen</translation>
    </message>
    <message>
        <source>the engine was killed by the system, as happens when memory runs out</source>
        <translation>die Engine wurde vom System beendet, wie es geschieht, wenn der Arbeitsspeicher ausgeht</translation>
    </message>
    <message>
        <source>the engine refused the request</source>
        <translation>die Engine hat die Anforderung abgelehnt</translation>
    </message>
    <message>
        <source>the engine reports an error without a text</source>
        <translation>die Engine meldet einen Fehler ohne Text</translation>
    </message>
    <message>
        <source>after {done} of {total} tiles</source>
        <translation>nach {done} von {total} Kacheln</translation>
    </message>
    <message>
        <source>run it again</source>
        <translation>noch einmal laufen lassen</translation>
    </message>
    <message>
        <source>choose a smaller tile or close other programs, then run it again</source>
        <translation>eine kleinere Kachel wählen oder andere Programme schließen, dann noch einmal laufen lassen</translation>
    </message>
    <message>
        <source>install the engine's requirements into that Python, as the plugin's page describes</source>
        <translation>die Anforderungen der Engine in dieses Python installieren, wie es die Seite des Plugins beschreibt</translation>
    </message>
    <message>
        <source>set the engine's Python in Settings &gt; Options &gt; Processing &gt; Providers &gt; Seamline</source>
        <translation>das Python der Engine unter Einstellungen &gt; Optionen &gt; Verarbeitung &gt; Anbieter &gt; Seamline angeben</translation>
    </message>
    <message>
        <source>the engine's Python lacks a package ({words})</source>
        <translation>dem Python der Engine fehlt ein Paket ({words})</translation>
    </message>
    <message>
        <source>the engine cannot be started ({reason})</source>
        <translation>die Engine lässt sich nicht starten ({reason})</translation>
    </message>
    <message>
        <source>the engine crashed (signal {number})</source>
        <translation>die Engine ist abgestürzt (Signal {number})</translation>
    </message>
    <message>
        <source>the engine stopped with exit code {code}</source>
        <translation>die Engine hielt mit dem Code {code} an</translation>
    </message>
    <message>
        <source>Seamline's engine</source>
        <translation>Die Engine von Seamline</translation>
    </message>
    <message>
        <source>well</source>
        <translation>gut</translation>
    </message>
    <message>
        <source>BAD</source>
        <translation>SCHLECHT</translation>
    </message>
    <message>
        <source>{count} of {total} need attention</source>
        <translation>{count} von {total} verlangen Aufmerksamkeit</translation>
    </message>
    <message>
        <source>All is well: {total} findings</source>
        <translation>Alles ist gut: {total} Befunde</translation>
    </message>
    <message>
        <source>looked at</source>
        <translation>untersucht</translation>
    </message>
    <message>
        <source>seen</source>
        <translation>gesehen</translation>
    </message>
    <message>
        <source>what to do</source>
        <translation>was zu tun ist</translation>
    </message>
    <message>
        <source>something is in this folder already</source>
        <translation>in diesem Ordner liegt schon etwas</translation>
    </message>
    <message>
        <source>Finished parts are kept in {folder}; run it again with the same settings to go on</source>
        <translation>Fertige Teile liegen in {folder}; mit denselben Einstellungen noch einmal starten, um fortzufahren</translation>
    </message>
    <message>
        <source>repeat the settings of that run, or untick 'Keep for resume' to start anew</source>
        <translation>die Einstellungen jenes Laufs wiederholen, oder 'Zum Fortsetzen behalten' abwählen, um neu zu beginnen</translation>
    </message>
    <message>
        <source>choose a new or an empty folder</source>
        <translation>einen neuen oder leeren Ordner wählen</translation>
    </message>
    <message>
        <source>the output's folder does not exist or cannot be written</source>
        <translation>der Ordner der Ausgabe existiert nicht oder ist nicht beschreibbar</translation>
    </message>
    <message>
        <source>choose another folder</source>
        <translation>einen anderen Ordner wählen</translation>
    </message>
    <message>
        <source>the file cannot be written ({reason})</source>
        <translation>die Datei kann nicht geschrieben werden ({reason})</translation>
    </message>
    <message>
        <source>it lies beside the output; choose another place next time</source>
        <translation>sie liegt neben der Ausgabe; beim nächsten Mal einen anderen Ort wählen</translation>
    </message>
    <message>
        <source>the output {name} cannot be put in its place ({reason})</source>
        <translation>die Ausgabe {name} kann nicht an ihren Ort gelegt werden ({reason})</translation>
    </message>
    <message>
        <source>the layer '{name}' comes from '{provider}', not from a raster file</source>
        <translation>der Layer '{name}' kommt von '{provider}', nicht aus einer Rasterdatei</translation>
    </message>
    <message>
        <source>the layer '{name}' is opened with options or a login that the engine does not get</source>
        <translation>der Layer '{name}' ist mit Optionen oder einer Anmeldung geöffnet, die die Engine nicht bekommt</translation>
    </message>
    <message>
        <source>the layer '{name}' is one raster in a file that can hold many, of a format that the engine lacks</source>
        <translation>der Layer '{name}' ist ein Raster in einer Datei, die viele fassen kann, in einem Format, das die Engine nicht kennt</translation>
    </message>
    <message>
        <source>none</source>
        <translation>keines</translation>
    </message>
    <message>
        <source>an unnamed system</source>
        <translation>einem unbenannten System</translation>
    </message>
    <message>
        <source>write the CRS of the layer into the file (Raster &gt; Projections &gt; Assign Projection), or set the layer to that of its file</source>
        <translation>das KBS des Layers in die Datei schreiben (Raster &gt; Projektionen &gt; Projektion zuweisen), oder dem Layer das seiner Datei geben</translation>
    </message>
    <message>
        <source>the layer '{name}' lives in the memory of QGIS alone</source>
        <translation>der Layer '{name}' lebt nur im Speicher von QGIS</translation>
    </message>
    <message>
        <source>the layer '{name}' is a virtual raster, which stands for other files</source>
        <translation>der Layer '{name}' ist ein virtuelles Raster, das für andere Dateien steht</translation>
    </message>
    <message>
        <source>the layer '{name}' lies in an archive</source>
        <translation>der Layer '{name}' liegt in einem Archiv</translation>
    </message>
    <message>
        <source>the layer '{name}' lies on a server</source>
        <translation>der Layer '{name}' liegt auf einem Server</translation>
    </message>
    <message>
        <source>the layer '{name}' has the CRS {shown} in QGIS, and {own} in its file</source>
        <translation>der Layer '{name}' hat in QGIS das KBS {shown}, und {own} in seiner Datei</translation>
    </message>
    <message>
        <source>choose a layer with that many bands, or another model</source>
        <translation>einen Layer mit so vielen Kanälen wählen, oder ein anderes Modell</translation>
    </message>
    <message>
        <source>coordinate reference systems</source>
        <translation>Koordinatenbezugssysteme</translation>
    </message>
    <message>
        <source>reproject one of them (Raster &gt; Projections &gt; Warp), the coarser one if you can</source>
        <translation>eines davon umprojizieren (Raster &gt; Projektionen &gt; Transformieren), möglichst das gröbere</translation>
    </message>
    <message>
        <source>'{name}' has {count} bands and {model} takes {wanted}</source>
        <translation>'{name}' hat {count} Kanäle, und {model} nimmt {wanted}</translation>
    </message>
    <message>
        <source>'{first}' is in {first_crs} and '{other}' is in {other_crs}</source>
        <translation>'{first}' liegt in {first_crs} und '{other}' in {other_crs}</translation>
    </message>
    <message>
        <source>Metric</source>
        <translation>Maßzahl</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>Wert</translation>
    </message>
    <message>
        <source>What was taken for what</source>
        <translation>Was womit verwechselt wurde</translation>
    </message>
    <message>
        <source>Quality of the fused image</source>
        <translation>Qualität des fusionierten Bilds</translation>
    </message>
    <message>
        <source>Classes</source>
        <translation>Klassen</translation>
    </message>
    <message>
        <source>Unit</source>
        <translation>Einheit</translation>
    </message>
    <message>
        <source>Best</source>
        <translation>Bester Wert</translation>
    </message>
    <message>
        <source>Compared with</source>
        <translation>Verglichen mit</translation>
    </message>
    <message>
        <source>Class</source>
        <translation>Klasse</translation>
    </message>
    <message>
        <source>choose another file name</source>
        <translation>einen anderen Dateinamen wählen</translation>
    </message>
    <message>
        <source>the name of the output is too long</source>
        <translation>der Name der Ausgabe ist zu lang</translation>
    </message>
    <message>
        <source>the output is a folder</source>
        <translation>die Ausgabe ist ein Ordner</translation>
    </message>
    <message>
        <source>the file is open in QGIS or in another program</source>
        <translation>die Datei ist in QGIS oder in einem anderen Programm offen</translation>
    </message>
    <message>
        <source>the output is also an input</source>
        <translation>die Ausgabe ist auch eine Eingabe</translation>
    </message>
    <message>
        <source>the output belongs to an input</source>
        <translation>die Ausgabe gehört zu einer Eingabe</translation>
    </message>
    <message>
        <source>two outputs are one file</source>
        <translation>zwei Ausgaben sind eine Datei</translation>
    </message>
    <message>
        <source>the output belongs to another output</source>
        <translation>die Ausgabe gehört zu einer anderen Ausgabe</translation>
    </message>
    <message>
        <source>give the name of a file</source>
        <translation>den Namen einer Datei angeben</translation>
    </message>
    <message>
        <source>remove its layer from the project, or choose another file name</source>
        <translation>ihren Layer aus dem Projekt entfernen, oder einen anderen Dateinamen wählen</translation>
    </message>
    <message>
        <source>the output is not a {suffix} file</source>
        <translation>die Ausgabe ist keine {suffix}-Datei</translation>
    </message>
    <message>
        <source>give it a shorter name, of {count} letters at most</source>
        <translation>ihr einen kürzeren Namen geben, von höchstens {count} Zeichen</translation>
    </message>
    <message>
        <source>give it a name that ends in {suffix}</source>
        <translation>einen Namen angeben, der auf {suffix} endet</translation>
    </message>
    <message>
        <source>Set up the engine...</source>
        <translation>Engine einrichten...</translation>
    </message>
    <message>
        <source>Set up</source>
        <translation>Einrichten</translation>
    </message>
    <message>
        <source>Seamline (seam-free diffusion models on scenes of any size)</source>
        <translation>Seamline (nahtlose Diffusionsmodelle auf Szenen jeder Größe)</translation>
    </message>
    <message>
        <source>python of the environment that holds the engine</source>
        <translation>Python der Umgebung, in der die Engine liegt</translation>
    </message>
    <message>
        <source>Plan: {width} x {height} px, {bands} bands, {tiles} tiles of {tile} px, model {model}, on {device}</source>
        <translation>Plan: {width} x {height} px, {bands} Kanäle, {tiles} Kacheln zu {tile} px, Modell {model}, auf {device}</translation>
    </message>
    <message>
        <source>Seam score: {score}; lines elsewhere in the image have {low} to {high}</source>
        <translation>Nahtwert: {score}; Linien anderswo im Bild haben {low} bis {high}</translation>
    </message>
    <message>
        <source>Consistency: seen as the input sees, the output is within {share} % of it, band by band {shares}</source>
        <translation>Konsistenz: gesehen wie die Eingabe liegt die Ausgabe innerhalb von {share} % von ihr, Kanal für Kanal {shares}</translation>
    </message>
    <message>
        <source>Looking at the labelled places</source>
        <translation>Die Orte mit Labels werden angesehen</translation>
    </message>
    <message>
        <source>Looking at them turned and mirrored</source>
        <translation>Sie werden gedreht und gespiegelt angesehen</translation>
    </message>
    <message>
        <source>Learning the classes</source>
        <translation>Die Klassen werden gelernt</translation>
    </message>
    <message>
        <source>Step {done} of {total}</source>
        <translation>Schritt {done} von {total}</translation>
    </message>
    <message>
        <source>Strip {done} of {total}</source>
        <translation>Streifen {done} von {total}</translation>
    </message>
    <message>
        <source>{size} of memory</source>
        <translation>{size} Speicher</translation>
    </message>
    <message>
        <source>an output of up to {size}</source>
        <translation>eine Ausgabe von bis zu {size}</translation>
    </message>
    <message>
        <source>{size} of disk while it runs</source>
        <translation>{size} Platz auf der Platte während des Laufs</translation>
    </message>
    <message>
        <source>{hours} h {minutes} min</source>
        <translation>{hours} h {minutes} min</translation>
    </message>
    <message>
        <source>{seconds} s</source>
        <translation>{seconds} s</translation>
    </message>
    <message>
        <source>{minutes} min</source>
        <translation>{minutes} min</translation>
    </message>
    <message>
        <source>Tile {done} of {total}</source>
        <translation>Kachel {done} von {total}</translation>
    </message>
    <message>
        <source>, about {time} left</source>
        <translation>, noch etwa {time}</translation>
    </message>
    <message>
        <source>Estimate: {parts}</source>
        <translation>Schätzung: {parts}</translation>
    </message>
    <message>
        <source>Report: {path}</source>
        <translation>Bericht: {path}</translation>
    </message>
    <message>
        <source>Software: {name}</source>
        <translation>Software: {name}</translation>
    </message>
    <message>
        <source>Model: {name}, version {version}</source>
        <translation>Modell: {name}, Version {version}</translation>
    </message>
    <message>
        <source>Seed: {seed}</source>
        <translation>Startwert: {seed}</translation>
    </message>
    <message>
        <source>Identity of the run: {identity}</source>
        <translation>Kennung des Laufs: {identity}</translation>
    </message>
    <message>
        <source>model: {licence}</source>
        <translation>Modell: {licence}</translation>
    </message>
    <message>
        <source>Input {name}: {path}</source>
        <translation>Eingabe {name}: {path}</translation>
    </message>
    <message>
        <source>The layer is loaded, but could not be styled: {reason}</source>
        <translation>Der Layer ist geladen, konnte aber nicht gestaltet werden: {reason}</translation>
    </message>
    <message>
        <source>Seamline's engine is not set up; set it up in Settings &gt; Options &gt; Seamline, or name its Python in the environment variable SEAMLINE_PYTHON</source>
        <translation>Die Engine von Seamline ist nicht eingerichtet; unter Einstellungen &gt; Optionen &gt; Seamline einrichten, oder ihr Python in der Umgebungsvariable SEAMLINE_PYTHON nennen</translation>
    </message>
    <message>
        <source>The engine is not set up yet</source>
        <translation>Die Engine ist noch nicht eingerichtet</translation>
    </message>
    <message>
        <source>Seamline's engine is not there; {python}; set the Python of the engine in Settings &gt; Options &gt; Processing &gt; Providers &gt; Seamline or in the environment variable SEAMLINE_PYTHON, or set it up anew in Settings &gt; Options &gt; Seamline</source>
        <translation>Die Engine von Seamline ist nicht da; {python}; das Python der Engine unter Einstellungen &gt; Optionen &gt; Verarbeitung &gt; Datenanbieter &gt; Seamline oder in der Umgebungsvariable SEAMLINE_PYTHON setzen, oder sie unter Einstellungen &gt; Optionen &gt; Seamline neu einrichten</translation>
    </message>
    <message>
        <source>The engine is not there: {python}</source>
        <translation>Die Engine ist nicht da: {python}</translation>
    </message>
    <message>
        <source>Fetch {url}</source>
        <translation>{url} holen</translation>
    </message>
    <message>
        <source>try again; if it stays so, something on the way changes it: use an offline folder</source>
        <translation>noch einmal versuchen; bleibt es so, ändert etwas auf dem Weg die Datei: einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>choose another Python, or another folder</source>
        <translation>ein anderes Python oder einen anderen Ordner wählen</translation>
    </message>
    <message>
        <source>{name} is not the file that was published: its sha256 is another one</source>
        <translation>{name} ist nicht die veröffentlichte Datei: ihr sha256 ist ein anderer</translation>
    </message>
    <message>
        <source>the Python that was brought cannot be used: {problem}</source>
        <translation>das mitgebrachte Python ist nicht brauchbar: {problem}</translation>
    </message>
    <message>
        <source>Unpack {name}</source>
        <translation>{name} entpacken</translation>
    </message>
    <message>
        <source>choose another folder, or free some space</source>
        <translation>einen anderen Ordner wählen, oder Platz schaffen</translation>
    </message>
    <message>
        <source>it stopped with exit code {code}</source>
        <translation>es endete mit dem Code {code}</translation>
    </message>
    <message>
        <source>the log says more; try again</source>
        <translation>das Protokoll sagt mehr; noch einmal versuchen</translation>
    </message>
    <message>
        <source>the disk is full</source>
        <translation>die Platte ist voll</translation>
    </message>
    <message>
        <source>free some space, or choose a folder on another disk; what is done is kept</source>
        <translation>Platz schaffen, oder einen Ordner auf einer anderen Platte wählen; was fertig ist, bleibt</translation>
    </message>
    <message>
        <source>the proxy refused the connection</source>
        <translation>der Proxy hat die Verbindung abgelehnt</translation>
    </message>
    <message>
        <source>give its name and password in Settings &gt; Options &gt; Network, or use an offline folder</source>
        <translation>seinen Namen und sein Passwort unter Einstellungen &gt; Optionen &gt; Netzwerk angeben, oder einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>the connection is not trusted, as happens where a firewall looks into it</source>
        <translation>der Verbindung wird nicht vertraut, wie es geschieht, wo eine Firewall hineinsieht</translation>
    </message>
    <message>
        <source>ask your administrator for its certificate and set PIP_CERT to that file in Settings &gt; Options &gt; System &gt; Environment, or use an offline folder</source>
        <translation>die Administration nach ihrem Zertifikat fragen und PIP_CERT unter Einstellungen &gt; Optionen &gt; System &gt; Umgebung auf diese Datei setzen, oder einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>pip cannot use a SOCKS proxy</source>
        <translation>pip kann keinen SOCKS-Proxy verwenden</translation>
    </message>
    <message>
        <source>give an HTTP proxy in Settings &gt; Options &gt; Network, or use an offline folder</source>
        <translation>einen HTTP-Proxy unter Einstellungen &gt; Optionen &gt; Netzwerk angeben, oder einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>the network cannot be reached, or broke off</source>
        <translation>das Netz ist nicht erreichbar oder brach ab</translation>
    </message>
    <message>
        <source>try again: what is done is kept; without a network use an offline folder</source>
        <translation>noch einmal versuchen: was fertig ist, bleibt; ohne Netz einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>there is no {subject} for this Python and computer</source>
        <translation>für dieses Python und diesen Rechner gibt es kein {subject}</translation>
    </message>
    <message>
        <source>add its wheel to the offline folder, or choose another Python or PyTorch build</source>
        <translation>sein Wheel in den Offline-Ordner legen, oder ein anderes Python oder einen anderen PyTorch-Build wählen</translation>
    </message>
    <message>
        <source>the folder is on a disk that cannot be written</source>
        <translation>der Ordner liegt auf einem Datenträger, der nicht beschrieben werden kann</translation>
    </message>
    <message>
        <source>no program may be started from this disk (it is mounted noexec)</source>
        <translation>von diesem Datenträger darf kein Programm gestartet werden (er ist mit noexec eingehängt)</translation>
    </message>
    <message>
        <source>choose a folder on another disk</source>
        <translation>einen Ordner auf einem anderen Datenträger wählen</translation>
    </message>
    <message>
        <source>a file could not be written, or another program held it</source>
        <translation>eine Datei konnte nicht geschrieben werden, oder ein anderes Programm hielt sie fest</translation>
    </message>
    <message>
        <source>close other programs, let the antivirus pass the folder, or choose another one, then try again</source>
        <translation>andere Programme schließen, den Ordner im Virenschutz freigeben oder einen anderen wählen, dann noch einmal versuchen</translation>
    </message>
    <message>
        <source>this Python cannot make environments</source>
        <translation>dieses Python kann keine Umgebungen anlegen</translation>
    </message>
    <message>
        <source>choose another Python; on Debian and Ubuntu install its package python3-venv</source>
        <translation>ein anderes Python wählen; unter Debian und Ubuntu das Paket python3-venv installieren</translation>
    </message>
    <message>
        <source>Set-up is complete</source>
        <translation>Die Einrichtung ist fertig</translation>
    </message>
    <message>
        <source>Cancelled; the next set-up goes on from here</source>
        <translation>Abgebrochen; die nächste Einrichtung fährt hier fort</translation>
    </message>
    <message>
        <source>choose a folder on another disk, or free some space</source>
        <translation>einen Ordner auf einer anderen Platte wählen, oder Platz schaffen</translation>
    </message>
    <message>
        <source>Python</source>
        <translation>Python</translation>
    </message>
    <message>
        <source>choose another Python</source>
        <translation>ein anderes Python wählen</translation>
    </message>
    <message>
        <source>set-up needs {needed:.0f} GB of disk, and {free:.1f} GB are free</source>
        <translation>die Einrichtung braucht {needed:.0f} GB auf der Platte, und {free:.1f} GB sind frei</translation>
    </message>
    <message>
        <source>{title}: done before</source>
        <translation>{title}: schon erledigt</translation>
    </message>
    <message>
        <source>{program} cannot be started ({reason})</source>
        <translation>{program} kann nicht gestartet werden ({reason})</translation>
    </message>
    <message>
        <source>try again later, or use an offline folder</source>
        <translation>später noch einmal versuchen, oder einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>the certificate cannot be read</source>
        <translation>das Zertifikat kann nicht gelesen werden</translation>
    </message>
    <message>
        <source>the server answered {code}</source>
        <translation>der Server antwortete {code}</translation>
    </message>
    <message>
        <source>it cannot be fetched ({reason})</source>
        <translation>es kann nicht geholt werden ({reason})</translation>
    </message>
    <message>
        <source>the server sends more than a Python has</source>
        <translation>der Server schickt mehr, als ein Python hat</translation>
    </message>
    <message>
        <source>set PIP_CERT to a file that is there</source>
        <translation>PIP_CERT auf eine Datei setzen, die es gibt</translation>
    </message>
    <message>
        <source>use an offline folder</source>
        <translation>einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>another set-up is at work in this folder</source>
        <translation>in diesem Ordner arbeitet eine andere Einrichtung</translation>
    </message>
    <message>
        <source>wait until it has ended, then try again</source>
        <translation>warten, bis sie fertig ist, dann noch einmal versuchen</translation>
    </message>
    <message>
        <source>Licence: {licence}; the libraries in it (OpenSSL, SQLite and others) have licences of their own.</source>
        <translation>Lizenz: {licence}; die Bibliotheken darin (OpenSSL, SQLite und andere) haben eigene Lizenzen.</translation>
    </message>
    <message>
        <source>I agree: bring this Python</source>
        <translation>Einverstanden: dieses Python mitbringen</translation>
    </message>
    <message>
        <source>It is there already: {folder}</source>
        <translation>Es ist schon da: {folder}</translation>
    </message>
    <message>
        <source>Fetches {url} (at most {size}), checks its sha256 and puts it into {folder}.</source>
        <translation>Holt {url} (höchstens {size}), prüft den sha256 und legt es in {folder} ab.</translation>
    </message>
    <message>
        <source>Takes {name} from the offline folder, checks its sha256 and puts it into {folder}.</source>
        <translation>Nimmt {name} aus dem Offline-Ordner, prüft den sha256 und legt es in {folder} ab.</translation>
    </message>
    <message>
        <source>No usable Python was found. Install Python 3.12 (64 bit) from python.org, or on Debian and Ubuntu the package python3-venv, then open this page again.</source>
        <translation>Es wurde kein brauchbares Python gefunden. Python 3.12 (64 Bit) von python.org installieren, unter Debian und Ubuntu das Paket python3-venv, dann diese Seite noch einmal öffnen.</translation>
    </message>
    <message>
        <source>QGIS runs inside Flatpak, where the Pythons of the system are not to be seen. Agree that set-up brings one, or choose one in your home folder with Other...</source>
        <translation>QGIS läuft in Flatpak, wo die Pythons des Systems nicht zu sehen sind. Zustimmen, dass das Einrichten eines mitbringt, oder mit Anderes... eines im eigenen Ordner wählen</translation>
    </message>
    <message>
        <source>empty: use the network</source>
        <translation>leer: das Netz verwenden</translation>
    </message>
    <message>
        <source>A folder with wheels, and with models or the engine's wheel, made on another computer</source>
        <translation>Ein Ordner mit Wheels und mit Modellen oder dem Wheel der Engine, auf einem anderen Rechner angelegt</translation>
    </message>
    <message>
        <source>Other...</source>
        <translation>Anderes...</translation>
    </message>
    <message>
        <source>Folder of the engine</source>
        <translation>Ordner der Engine</translation>
    </message>
    <message>
        <source>PyTorch for</source>
        <translation>PyTorch für</translation>
    </message>
    <message>
        <source>Offline folder</source>
        <translation>Offline-Ordner</translation>
    </message>
    <message>
        <source>Python 3.11, 3.12 or 3.13</source>
        <translation>Python 3.11, 3.12 oder 3.13</translation>
    </message>
    <message>
        <source>The engine is being examined...</source>
        <translation>Die Engine wird untersucht...</translation>
    </message>
    <message>
        <source>Or agree that set-up brings one.</source>
        <translation>Oder zustimmen, dass das Einrichten eines mitbringt.</translation>
    </message>
    <message>
        <source>Looking for Pythons and graphics cards...</source>
        <translation>Pythons und Grafikkarten werden gesucht...</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Set-up takes up to {size} of disk.</source>
        <translation>Das Einrichten braucht bis zu {size} Plattenplatz.</translation>
    </message>
    <message>
        <source>It fetches about {size}: {time} at 50 Mbit/s, and some minutes to unpack.</source>
        <translation>Geholt werden etwa {size}: {time} bei 50 Mbit/s, und einige Minuten zum Auspacken.</translation>
    </message>
    <message>
        <source>Set-up is complete. The engine is being examined...</source>
        <translation>Die Einrichtung ist fertig. Die Engine wird untersucht...</translation>
    </message>
    <message>
        <source>Cancelling...</source>
        <translation>Wird abgebrochen...</translation>
    </message>
    <message>
        <source>Examine the engine</source>
        <translation>Engine untersuchen</translation>
    </message>
    <message>
        <source>Copy the log</source>
        <translation>Protokoll kopieren</translation>
    </message>
    <message>
        <source>Cancelled. Set up goes on where it stopped.</source>
        <translation>Abgebrochen. Einrichten fährt fort, wo es aufhörte.</translation>
    </message>
    <message>
        <source>All is well: the engine works.</source>
        <translation>Alles ist gut: die Engine arbeitet.</translation>
    </message>
    <message>
        <source>The engine's Python: {python}</source>
        <translation>Das Python der Engine: {python}</translation>
    </message>
    <message>
        <source>{python}, which set-up brings</source>
        <translation>{python}, das das Einrichten mitbringt</translation>
    </message>
    <message>
        <source>The offline folder is for Python {version}, which was not found here: install it, choose it with Other..., or fill the folder for one of those above.</source>
        <translation>Der Offline-Ordner ist für Python {version}, das hier nicht gefunden wurde: installieren, mit „Anderes...“ wählen, oder den Ordner für eines der obigen füllen.</translation>
    </message>
    <message>
        <source>Get the models</source>
        <translation>Modelle holen</translation>
    </message>
    <message>
        <source>No models came; the classical methods work without. To add them, put {name} into a folder, choose that as offline folder and set up again</source>
        <translation>Es kamen keine Modelle; die klassischen Verfahren arbeiten ohne. Um sie hinzuzufügen, {name} in einen Ordner legen, ihn als Offline-Ordner wählen und noch einmal einrichten</translation>
    </message>
    <message>
        <source>Bring {python}</source>
        <translation>{python} mitbringen</translation>
    </message>
    <message>
        <source>the offline folder is not there</source>
        <translation>der Offline-Ordner ist nicht da</translation>
    </message>
    <message>
        <source>the folder is not given in full</source>
        <translation>der Ordner ist nicht vollständig angegeben</translation>
    </message>
    <message>
        <source>the folder holds something that set-up did not make</source>
        <translation>der Ordner enthält etwas, das die Einrichtung nicht angelegt hat</translation>
    </message>
    <message>
        <source>Make an environment</source>
        <translation>Umgebung anlegen</translation>
    </message>
    <message>
        <source>Install the other packages</source>
        <translation>Die übrigen Pakete installieren</translation>
    </message>
    <message>
        <source>put it there, or choose a Python that is installed</source>
        <translation>sie dort ablegen, oder ein installiertes Python wählen</translation>
    </message>
    <message>
        <source>choose the folder that holds the wheels</source>
        <translation>den Ordner wählen, der die Wheels enthält</translation>
    </message>
    <message>
        <source>choose one by its whole path</source>
        <translation>einen mit seinem ganzen Pfad wählen</translation>
    </message>
    <message>
        <source>the offline folder holds no {name}</source>
        <translation>im Offline-Ordner ist keine Datei {name}</translation>
    </message>
    <message>
        <source>the engine in the offline folder is version {theirs}, the plugin is version {ours}</source>
        <translation>die Engine im Offline-Ordner hat die Version {theirs}, die Erweiterung die Version {ours}</translation>
    </message>
    <message>
        <source>the folder cannot be read ({reason})</source>
        <translation>der Ordner kann nicht gelesen werden ({reason})</translation>
    </message>
    <message>
        <source>Install PyTorch: {build}</source>
        <translation>PyTorch installieren: {build}</translation>
    </message>
    <message>
        <source>put seamline-{version}-py3-none-any.whl there, or take the other one away</source>
        <translation>seamline-{version}-py3-none-any.whl dorthin legen, oder die andere wegnehmen</translation>
    </message>
    <message>
        <source>Settings &gt; Options &gt; Network</source>
        <translation>Einstellungen &gt; Optionen &gt; Netzwerk</translation>
    </message>
    <message>
        <source>choose an HTTP proxy there, or use an offline folder</source>
        <translation>dort einen HTTP-Proxy wählen, oder einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>it may not be started: permission denied</source>
        <translation>es darf nicht gestartet werden: Zugriff verweigert</translation>
    </message>
    <message>
        <source>it is a 32-bit Python; the engine needs a 64-bit one</source>
        <translation>es ist ein 32-Bit-Python; die Engine braucht eines mit 64 Bit</translation>
    </message>
    <message>
        <source>it belongs to another environment; choose the Python that environment was made with</source>
        <translation>es gehört zu einer anderen Umgebung; das Python wählen, mit dem sie angelegt wurde</translation>
    </message>
    <message>
        <source>it is Python {version}; the engine needs 3.11, 3.12 or 3.13</source>
        <translation>es ist Python {version}; die Engine braucht 3.11, 3.12 oder 3.13</translation>
    </message>
    <message>
        <source>it lacks {modules}; on Debian and Ubuntu install {package}</source>
        <translation>ihm fehlt {modules}; unter Debian und Ubuntu {package} installieren</translation>
    </message>
    <message>
        <source>it does not answer as a Python does</source>
        <translation>es antwortet nicht wie ein Python</translation>
    </message>
    <message>
        <source>the plugin's folder is incomplete</source>
        <translation>der Ordner der Erweiterung ist unvollständig</translation>
    </message>
    <message>
        <source>install the plugin again from its zip</source>
        <translation>die Erweiterung noch einmal aus ihrem Zip installieren</translation>
    </message>
    <message>
        <source>copy the offline folder again</source>
        <translation>den Offline-Ordner noch einmal kopieren</translation>
    </message>
    <message>
        <source>Compare the offline folder with its {name}</source>
        <translation>Den Offline-Ordner mit seinem {name} vergleichen</translation>
    </message>
    <message>
        <source>{name} is missing in the offline folder</source>
        <translation>{name} fehlt im Offline-Ordner</translation>
    </message>
    <message>
        <source>{name} is damaged: its sha256 is not that of SHA256SUMS</source>
        <translation>{name} ist beschädigt: der sha256 ist nicht der aus SHA256SUMS</translation>
    </message>
    <message>
        <source>Apple processor and its graphics (MPS)</source>
        <translation>Apple-Prozessor und seine Grafik (MPS)</translation>
    </message>
    <message>
        <source>processor alone (CPU)</source>
        <translation>Prozessor allein (CPU)</translation>
    </message>
    <message>
        <source>PyTorch is no longer made for this kind of computer; run the engine on another machine</source>
        <translation>PyTorch wird für Rechner dieser Art nicht mehr gebaut; die Engine auf einem anderen Rechner laufen lassen</translation>
    </message>
    <message>
        <source>no NVIDIA graphics card was found</source>
        <translation>es wurde keine NVIDIA-Grafikkarte gefunden</translation>
    </message>
    <message>
        <source>NVIDIA graphics card, CUDA {version}</source>
        <translation>NVIDIA-Grafikkarte, CUDA {version}</translation>
    </message>
    <message>
        <source>{card} is there, but its driver (CUDA {version}) fits no build: update the driver and look again</source>
        <translation>{card} ist da, aber zu ihrem Treiber (CUDA {version}) passt kein Build: den Treiber aktualisieren und noch einmal suchen</translation>
    </message>
    <message>
        <source>{card} with a driver for CUDA {version}</source>
        <translation>{card} mit einem Treiber für CUDA {version}</translation>
    </message>
    <message>
        <source>choose another Python, and please report it</source>
        <translation>ein anderes Python wählen, und bitte melden</translation>
    </message>
    <message>
        <source>the archive is damaged</source>
        <translation>das Archiv ist beschädigt</translation>
    </message>
    <message>
        <source>the archive holds {member}, which does not belong in a Python</source>
        <translation>das Archiv enthält {member}, was nicht in ein Python gehört</translation>
    </message>
    <message>
        <source>try again; fetch an archive in the offline folder anew</source>
        <translation>noch einmal versuchen; ein Archiv im Offline-Ordner neu holen</translation>
    </message>
    <message>
        <source>Look for Pythons and graphics cards</source>
        <translation>Nach Pythons und Grafikkarten suchen</translation>
    </message>
    <message>
        <source>Set up Seamline's engine</source>
        <translation>Engine von Seamline einrichten</translation>
    </message>
    <message>
        <source>Examine Seamline's engine</source>
        <translation>Engine von Seamline untersuchen</translation>
    </message>
    <message>
        <source>unexpected {error}; please report it</source>
        <translation>unerwartet: {error}; bitte melden</translation>
    </message>
</context>
</TS>
